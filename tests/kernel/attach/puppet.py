# SPDX-License-Identifier: GPL-2.0-only
"""A plain sender with MSG_ZEROCOPY, without anything of zcprobe, that does what its standard input says.

Each line is one command, and each is answered by one line: `open NAME [plain]`, `send NAME COUNT BYTES` (answers how
many sends the kernel took and how many it refused), `ends NAME` (answers both addresses), `drain NAME` (answers how
many completions were read so far), `retry NAME HOW` (a refused send of 1 MiB, a drain, a wait of 30 ms by that call,
and the send again; answers how many of the two were refused), `close NAME`, `fork` (answers the child's id; the child
holds the same sockets and only waits), `thread` (starts a thread called multifdsend_0), `setuid ID`, `exec NAME`
(becomes this script again, under that name, without its sockets), `unix`.
"""

import errno
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable

SO_ZEROCOPY, MSG_ZEROCOPY, MSG_ERRQUEUE = 60, 0x4000000, 0x2000

sockets: dict[str, tuple[socket.socket, socket.socket]] = {}
completions: dict[str, int] = {}
kept: list[object] = []
kept_pipe = os.pipe()


def receive(receiver: socket.socket) -> None:
    while receiver.recv(1 << 20):
        pass


def open_pair(name: str, *kinds: str) -> str:
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.socket()
    client.connect(server.getsockname())
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    receiver = server.accept()[0]
    server.close()
    if "plain" not in kinds:
        client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    threading.Thread(target=receive, args=(receiver,), daemon=True).start()
    sockets[name], completions[name] = (client, receiver), 0
    return str(client.fileno())


def send(name: str, count: str, size: str) -> str:
    taken = refused = 0
    for _ in range(int(count)):
        try:
            sockets[name][0].send(bytes(int(size)), MSG_ZEROCOPY)
            taken += 1
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            refused += 1
            drain(name)
    return f"{taken} {refused}"


def drain(name: str) -> str:
    while True:
        try:
            _, control, _, _ = sockets[name][0].recvmsg(0, 512, MSG_ERRQUEUE)
        except BlockingIOError:
            return str(completions[name])
        for _, _, data in control:
            lo, hi = struct.unpack_from("=II", data, 8)
            completions[name] += hi - lo + 1


def wait(client: socket.socket, how: str) -> None:
    seconds = 0.03
    if how in ("poll", "poll-another"):
        poller = select.poll()
        poller.register(client if how == "poll" else kept_pipe[0], select.POLLERR)
        poller.poll(seconds * 1000)
    elif how == "select":
        select.select([], [], [client], seconds)
    elif how == "epoll":
        with select.epoll() as epoll:
            epoll.register(client, select.EPOLLERR)
            epoll.poll(seconds)
    elif how == "sleep":
        time.sleep(seconds)


def retry(name: str, how: str) -> str:
    refused = int(send(name, "1", "1048576").split()[1])
    wait(sockets[name][0], how)
    return str(refused + int(send(name, "1", "1048576").split()[1]))


def ends(name: str) -> str:
    client = sockets[name][0]
    return " ".join(f"{host}:{port}" for host, port in (client.getsockname(), client.getpeername()))


def close(name: str) -> str:
    for one in sockets.pop(name):
        one.close()
    return "closed"


def fork() -> str:
    child = os.fork()
    if not child:
        signal.pause()
        os._exit(0)
    return str(child)


def wait_named() -> None:
    with open(f"/proc/self/task/{threading.get_native_id()}/comm", "w") as comm:
        comm.write("multifdsend_0")
    started.set()
    threading.Event().wait()


def start_thread() -> str:
    threading.Thread(target=wait_named, daemon=True).start()
    started.wait()
    return "started"


def set_user(user: str) -> str:
    os.setuid(int(user))
    return "done"


def execute(name: str) -> str:
    os.symlink(sys.executable, name)
    os.execv(name, [name, "-u", __file__])


def unix() -> str:
    kept.extend(socket.socketpair())
    return "opened"


started = threading.Event()
COMMANDS: dict[str, Callable[..., str]] = {
    "open": open_pair,
    "send": send,
    "retry": retry,
    "ends": ends,
    "drain": drain,
    "close": close,
    "fork": fork,
    "thread": start_thread,
    "setuid": set_user,
    "exec": execute,
    "unix": unix,
}

if __name__ == "__main__":
    print("ready", flush=True)
    for line in sys.stdin:
        command, *words = line.split()
        print(COMMANDS[command](*words), flush=True)
