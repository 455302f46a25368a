#!/bin/sh
# One press of a quarter of a second, once the program listens: press.sh PYTHON STUDY
"$1" "$2" &
until ugpio ctl list | grep -q '"clean"'; do :; done
ugpio ctl press BAD --hold 250ms
wait $!
