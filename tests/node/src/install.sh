# Installs Debian's rabbitmq-server with services denied. Run as root; $1 is the program that shows
# whether the package is there.
#
# The policy that was there before is put back however this ends: it is moved aside under a fixed
# name, so that even after a power cut the next run finds it.
set -eu
umask 022
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 RUNLEVEL=1
policy=/usr/sbin/policy-rc.d
kept=$policy.kept-by-ferry
mark='# Denies services while ferry installs rabbitmq-server.'

# One installer at a time, or the second would keep the first one's policy as the original.
exec 9>/run/ferry-install.lock
flock 9
[ ! -x "$1" ] || exit 0

restore() {
  if [ -f "$policy" ] && grep -qxF "$mark" "$policy"; then rm -f "$policy"; fi
  if [ -e "$kept" ] || [ -L "$kept" ]; then mv -f "$kept" "$policy"; fi
}
restore
trap restore EXIT
trap 'exit 130' HUP INT TERM
if [ -e "$policy" ] || [ -L "$policy" ]; then mv "$policy" "$kept"; fi
printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
chmod 755 "$policy"

apt() { apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" 9>&-; }
install() { apt install --no-install-recommends rabbitmq-server; }
candidate() { apt-cache policy rabbitmq-server | grep -q 'Candidate: [^(]'; }

candidate || apt update
# Old lists name files the mirror no longer has.
install || { apt update && install; }
[ -x "$1" ]
