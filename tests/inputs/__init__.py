"""The catalogue of bad inputs: every route and every form against everything that nobody should send.

Routes come from the URL resolver, forms from the pages themselves: what is added to the portal is covered without
being named here. ``bin/test`` sends a sample that rotates over routes and forms; ``bin/prove inputs`` sends it all.
"""
