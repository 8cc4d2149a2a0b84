"""How the numbers of PyTorch's calls come about: one file a family of calls.

Each file has `RULES`: a call's name without `aten.`, without its overload and without the `_` of
in-place calls → a function that writes one number of it out.
"""
