"""How little it takes to change a network's mind."""
