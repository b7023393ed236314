# usage: sh -c "$(this)" _ INSTALLER PACKAGE…  <request.tar >system.tar
#
# Makes a system of RPM packages.  Run as root, or as the root of a user namespace: so it touches no path of the caller's,
# whose folders it may not be able to enter.  All comes through stdin and leaves through stdout.
set -eu
installer=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"
mkdir tree
tar -x -f - --no-same-owner
sed -i "s|@WORK@|$work|" dnf.conf
# Its mounts are in a namespace of their own and end with it, whatever happens: what is removed here is never under one.
unshare --mount --pid --fork --kill-child sh -c "$installer" installer "$@" >&2
echo "stage: packing the system" >&2
tar -c -f - -C tree --numeric-owner --xattrs --xattrs-include=security.capability .
