#!/bin/sh
# The window as it is played, as a GIF: sh docs/window-animation.sh MODEL OUT.gif
# Needs Xvfb, xdotool and ImageMagick, and `rvae` to be installed. Every frame is taken from the real window.
set -eu
model=$1 out=$2 frames=$(mktemp -d)
display=:${DISPLAY_NUMBER:-89}
Xvfb "$display" -screen 0 1280x800x24 -nolisten tcp &
xvfb=$!
rvae=
trap 'kill $rvae $xvfb 2>/dev/null; rm -rf "$frames"' EXIT
export DISPLAY=$display SDL_FRAMEBUFFER_ACCELERATION=0
sleep 2 # nothing tells when the screen is there
rvae play "$model" --no-audio --osc-in 0 --bpm 100 &
rvae=$!
window=$(xdotool search --sync --pid $rvae | head -1)
sleep 6 # the plane's picture is found a little at a time
at() { xdotool mousemove --window "$window" "$1" "$2"; }
key() { xdotool key --window "$window" "$1"; }
shot() { import -window "$window" "$frames/$(printf %03d "$1").miff"; }
at 200 560
xdotool mousedown 1
key space
for frame in $(seq 0 13); do # a drag over the plane, and the pattern that changes
    at $((200 + frame * 22)) $((560 - frame * 24))
    shot "$frame"
done
xdotool mouseup 1
key v # the pulse view
for frame in $(seq 14 23); do shot "$frame"; done
key v
key n # a knob is learned for the tempo
for frame in 24 25 26; do shot "$frame"; done
key equal
for frame in 27 28 29; do shot "$frame"; done
key ctrl+q
convert -delay 14 -loop 0 "$frames"/*.miff -resize 520x +dither -colors 64 -fuzz 3% -layers optimize "$out"
