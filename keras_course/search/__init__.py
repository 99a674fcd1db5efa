"""The search for a learning rate.

range_test.py   one short run with a rising rate: in which band it is worth searching (`find-lr`)
tune.py         several short runs, each with one rate of that band, by KerasTuner (`tune`)
tuner.py        the KerasTuner tuner behind it, of use without the rest
recorded.py     how its oracle is taken up again at any moment, from a ...
journal.py      ... file to which each event is added
narrator.py     what a person sees of it
workers.py      several processes that share the trials
slurm.py        batch scripts for that on a cluster
oracles.py      KerasTuner's oracles, each so that it can be resumed
one_model.py    the KerasTuner hypermodel: one compiled network for all trials
side_by_side.py several trials in one program on JAX, of ...
copies.py       ... copies of the network, each with its rate
progress.py     a bar, where somebody watches
fingerprint.py  what a search is of, so that no other one continues it
leaderboard.py  the trials, the best first
pictures.py     loss, and score, against the rate; the losses of the trials
"""
