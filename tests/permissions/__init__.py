"""Who may do what: the matrix of ``tests/permissions.yaml``, the world it is played in, and how a cell is judged."""
