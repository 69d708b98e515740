"""Tables of cases as parameters of tests."""

from collections.abc import Mapping, Sequence

import pytest
from _pytest.mark import ParameterSet

from interop.strongswan import Setting
from interop.world import Where

Table = Mapping[Where, Sequence[Setting]]


def cases(quick: Table, matrix: Table) -> list[ParameterSet]:
    """For `scene` and `setting`: what `make test` runs, and all that `make test-all` adds. What is
    in one place stands together, for it shares its guest."""
    parameters = []
    for where in dict.fromkeys((*quick, *matrix)):
        for setting in dict.fromkeys((*quick.get(where, ()), *matrix.get(where, ()))):
            marks = () if setting in quick.get(where, ()) else (pytest.mark.matrix,)
            parameters.append(pytest.param(where, setting, id=f"{where}-{setting}", marks=marks))
    return parameters
