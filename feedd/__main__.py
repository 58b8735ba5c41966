"""`python -m feedd`: the command."""

import sys

from feedd.cli.main import main

sys.exit(main())
