# Installs a package of Debian's with services denied. Run as root; $1 is a pattern of the programs
# that show whether the package is there, $2 its name.
#
# The policy that was there before is put back however this ends: it is moved aside under a fixed
# name, so that even after a power cut the next run finds it.
set -eu
umask 022
programs=$1 package=$2
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 RUNLEVEL=1
policy=/usr/sbin/policy-rc.d
kept=$policy.kept-by-ferry
mark='# Denies services while ferry installs a package.'

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
status() { dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true; }
# The pattern is left unquoted to be matched.
found() { for program in $programs; do [ -x "$program" ] && return 0; done; return 1; }
there() { found && case "$(status)" in "" | ii* | un*) true ;; *) false ;; esac; }
if there; then exit 0; fi

# A policy of ours is left from a run that was killed, and its apt-get may still be at work.
if ! ours; then
  if [ -e "$policy" ] || [ -L "$policy" ]; then mv -f "$policy" "$kept"; fi
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy.new"
  chmod 755 "$policy.new"
  mv -f "$policy.new" "$policy"
fi

apt() { apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" 9>&-; }
install() { apt install --no-install-recommends "$package"; }
candidate() { apt-cache policy "$package" | grep -q 'Candidate: [^(]'; }

candidate || apt update
# Old lists name files the mirror no longer has; a killed run leaves packages half configured.
install || { dpkg --configure -a 9>&- && apt update && install; }
there
