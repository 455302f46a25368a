#!/bin/sh
# Somebody comes, sees green, and wants to cross: walk.sh LIGHT
"$1" /dev/gpiochip0 &
ugpio ctl wait lights GREEN high --timeout 60s && ugpio ctl press WALK --hold 40ms
wait $!
