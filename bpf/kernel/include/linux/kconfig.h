/* BCC's forced include: what the kernel's configuration would say. */
#define CONFIG_BPF_SYSCALL 1
