"""How long it takes to make a cluster right: SKP, tuned Ansible, and the floor below both."""
