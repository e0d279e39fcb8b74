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

ours() { [ -f "$policy" ] && grep -qxF "$mark" "$policy"; }
restore() {
  if ours; then rm -f "$policy"; fi
  if [ -e "$kept" ] || [ -L "$kept" ]; then mv -f "$kept" "$policy"; fi
}
trap restore EXIT
trap 'exit 130' HUP INT TERM

# Unpacked is not yet installed.
status() { dpkg-query -W -f '${db:Status-Abbrev}' rabbitmq-server 2>/dev/null || true; }
there() { [ -x "$1" ] && case "$(status)" in "" | ii*) true ;; *) false ;; esac; }
if there "$1"; then exit 0; fi

# A policy of ours is left from a run that was killed, and its apt-get may still be at work.
if ! ours; then
  if [ -e "$policy" ] || [ -L "$policy" ]; then mv -f "$policy" "$kept"; fi
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy.new"
  chmod 755 "$policy.new"
  mv -f "$policy.new" "$policy"
fi

apt() { apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" 9>&-; }
install() { apt install --no-install-recommends rabbitmq-server; }
candidate() { apt-cache policy rabbitmq-server | grep -q 'Candidate: [^(]'; }

candidate || apt update
# Old lists name files the mirror no longer has; a killed run leaves packages half configured.
install || { dpkg --configure -a 9>&- && apt update && install; }
there "$1"
