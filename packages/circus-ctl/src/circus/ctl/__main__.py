"""``python -m circus.ctl`` is ``circusctl``."""

import sys

from circus.ctl import main

sys.exit(main())
