"""What every network checks before it is built: the shape of one example, and the classes."""

from pellucid.base.errors import WrongUse


def picture(net: str, inputs: tuple[int, ...], outputs: int, symbols: int) -> tuple[int, int, int]:
    """The (channels, height, width) of one picture, or an error that says what else was found."""
    if symbols:
        raise WrongUse(
            f"nets.{net}",
            f"symbols={symbols}, so whole numbers in a row",
            "pictures, so symbols=0",
            "choose the net recurrent or transformer, which read symbols",
        )
    if len(inputs) != 3 or min(inputs) < 1:
        raise WrongUse(
            f"nets.{net}",
            f"inputs={inputs}",
            "the shape of one picture: (channels, height, width), each at least 1",
            "give three positive whole numbers, such as (1, 28, 28)",
        )
    _at_least_two(net, outputs)
    channels, height, width = inputs
    return channels, height, width


def row(net: str, inputs: tuple[int, ...], outputs: int, symbols: int) -> int:
    """The length of one row of symbols, or an error that says what else was found."""
    if len(inputs) != 1 or inputs[0] < 1 or symbols < 2:
        raise WrongUse(
            f"nets.{net}",
            f"inputs={inputs} with symbols={symbols}",
            "the shape of one row: (length,), and a vocabulary of at least 2 symbols",
            "give one positive whole number, such as (16,), and for instance symbols=27",
        )
    _at_least_two(net, outputs)
    return inputs[0]


def whole(net: str, option: str, value: int, least: int = 1) -> int:
    """An option that counts something; below `least` it is refused."""
    if value < least:
        raise WrongUse(
            f"nets.{net}",
            f"{option}={value}",
            f"a whole number of at least {least}",
            f"choose {option}={least} or more",
        )
    return value


def share(net: str, value: float) -> float:
    """The option dropout: a share of units, from 0 to below 1."""
    if not 0 <= value < 1:
        raise WrongUse(
            f"nets.{net}",
            f"dropout={value}",
            "the share of units to switch off: from 0 to below 1",
            "choose 0 for no dropout, or for instance 0.2",
        )
    return value


def _at_least_two(net: str, outputs: int) -> None:
    if outputs < 2:
        raise WrongUse(
            f"nets.{net}",
            f"outputs={outputs}",
            "at least 2 classes, since one class leaves nothing to learn",
            "check the labels of the data set",
        )
