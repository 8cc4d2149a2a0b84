"""`python -m pellucid` and `torchrun -m pellucid`."""

from pellucid.cli.main import main

if __name__ == "__main__":
    main()
