"""The short form of the soak (tests/soak.py): a few scheduled runs, one kill of each kind."""

from soak import Soak


def test_runs_survive_kills(tmp_path):
    soak = Soak(tmp_path / "soak", interval=6, seed=1)
    soak.run(runs=8, kill_every=2, change_every=4)
    assert sum(soak.kills.values()) >= 2
