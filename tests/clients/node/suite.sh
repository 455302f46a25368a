#!/bin/bash
# The tests that node-libgpiod publishes in its package, on the chip that its own script makes in the
# gpio-sim tree. The script tells of what it cannot do here, load a module and change a group, and goes on.
# Run as: ugpio run -- bash suite.sh PROJECT
set -u
cd "$1/node_modules/node-libgpiod" || exit
bash test/prepare-gpio-sim.sh
# One test changes flags without a direction, which Linux refuses since 6.10 (v1 SET_CONFIG).
echo "left out: 1"
# The label that Linux 6.12 gives such a chip; LABEL is the suite's own switch.
#
# Its objects do not keep each other alive: a chip that is collected takes the lines with it that a Bulk
# still uses, and the program crashes, wherever it runs. With so much room nothing is collected.
# mocha's own limit of two seconds for a test is too short for a busy machine.
LABEL=gpio-sim.0:node0 exec node --min-semi-space-size=256 --max-semi-space-size=256 \
	../mocha/bin/_mocha --timeout 60000 --fgrep 'update bulk config' --invert \
	test/*.spec.js test/*/*.spec.js
