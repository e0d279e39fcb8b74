# Puts Debian's rabbitmq-server of another suite, with its own Erlang, into a root file system. Run as
# root; $1 is where it goes, $2 the suite.
#
# Services are denied in there, nothing of it is ever started but private nodes, and a run that was
# killed leaves only a folder that the next one throws away.
set -eu
umask 022
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
root=$1 suite=$2
there() { [ -x "$root/usr/lib/rabbitmq/bin/rabbitmq-server" ]; }

mkdir -p "$(dirname "$root")"
exec 9>"$root.lock"
flock 9
if there; then exit 0; fi

command -v debootstrap >/dev/null ||
  apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
    install --no-install-recommends debootstrap 9>&-
# This machine's own mirror.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Component: main' | grep -v security | head -n 1)
new=$root.new
rm -rf --one-file-system "$new"
debootstrap --variant=minbase "$suite" "$new" "${mirror:-http://deb.debian.org/debian}" 9>&-
printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
chmod 755 "$new/usr/sbin/policy-rc.d"
cp /etc/hosts "$new/etc/hosts"
cp /etc/resolv.conf "$new/etc/resolv.conf"
# In a namespace of its own: however this ends, nothing stays mounted.
unshare --mount --propagation private /bin/sh -c '
  mount --rbind /proc "$1/proc"
  exec chroot "$1" apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends rabbitmq-server
' sh "$new" 9>&-
rm -rf "$new"/var/cache/apt/archives/*.deb "$new"/var/lib/apt/lists
mv "$new" "$root"
there
