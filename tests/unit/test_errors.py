"""The error tree."""

from feedd.errors import FINAL_EXIT_CODES


def test_final_exit_codes_are_those_of_sysexits() -> None:
    assert FINAL_EXIT_CODES == (65, 69, 77, 78)
