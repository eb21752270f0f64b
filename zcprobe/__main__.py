import sys

from zcprobe.cli.main import main

sys.exit(main())
