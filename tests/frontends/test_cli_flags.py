"""The flags of a run: those of every run, and those that a protocol's options make."""

import pytest

from folkmoot.frontends.cli.flags import RUN_FLAGS, VIEW_FLAGS, option_flags
from folkmoot.protocols import find_protocol, protocol_names


@pytest.mark.parametrize("protocol", protocol_names())
def test_no_option_of_a_protocol_has_the_name_of_a_flag_of_every_run(protocol: str) -> None:
    taken = {name for flag in (*RUN_FLAGS, *VIEW_FLAGS) for name in (flag.name, *flag.opts)}
    own = {name for flag in option_flags(find_protocol(protocol).options) for name in (flag.name, *flag.opts)}
    assert taken & own == set()
