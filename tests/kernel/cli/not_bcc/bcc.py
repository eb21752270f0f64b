"""As the project of that name on PyPI: it needs a module that is not there."""

import a_module_that_nobody_has  # noqa: F401
