#!/bin/bash
# Make a machine with a GPU the runner of one repository: sudo ./install.sh OWNER/REPOSITORY ARCHIVE DIGEST [GROUP]
#
# ARCHIVE is actions-runner-linux-x64-VERSION.tar.gz and DIGEST its SHA-256, both from GitHub's page
# "New self-hosted runner"; GROUP is the number of the organisation's runner group that it joins. A token
# that may register runners is read from the terminal. May be run again.
set -euo pipefail
PATH=/usr/sbin:/usr/bin:/sbin:/bin

fail() { echo "install.sh: $1" >&2; exit 2; }

[[ $# -eq 3 || $# -eq 4 ]] || fail "usage: sudo ./install.sh OWNER/REPOSITORY ARCHIVE DIGEST [GROUP]"
repository=$1 archive=$2 digest=$3 group=${4-}
[[ -z $group || $group =~ ^[0-9]+$ ]] || fail "GROUP is not a number"
[[ $repository =~ ^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$ ]] || fail "$repository is not OWNER/REPOSITORY"
[[ $digest =~ ^[0-9a-f]{64}$ ]] || fail "DIGEST is not a SHA-256 in 64 digits"
[[ -f $archive ]] || fail "there is no file $archive"
echo "$digest  $archive" | sha256sum --check --status || fail "$archive does not have that digest"
[[ $EUID -eq 0 ]] || fail "run it as root (sudo)"
for program in curl jq git make python3 systemctl; do
  command -v "$program" >/dev/null || fail "$program is missing: apt-get install curl jq git make python3-venv"
done

id gpu-runner >/dev/null 2>&1 ||
  useradd --system --home-dir /var/lib/schoolhouse-runner --shell /usr/sbin/nologin gpu-runner
# Its members may ask the live service for a deploy; they write none of its files.
getent group schoolhouse-deploy >/dev/null || groupadd --system schoolhouse-deploy
usermod --append --groups schoolhouse-deploy gpu-runner
install -d -o root -g root -m 0755 /opt/schoolhouse /opt/schoolhouse/actions-runner /etc/schoolhouse
install -d -o gpu-runner -g gpu-runner -m 0700 /var/lib/schoolhouse-runner /var/lib/schoolhouse-runner/cache
tar --extract --gzip --file "$archive" --directory /opt/schoolhouse/actions-runner --no-same-owner
here=$(cd "$(dirname "$0")" && pwd)
install -o root -g root -m 0755 "$here/job-started.sh" "$here/admit.sh" "$here/register.sh" /opt/schoolhouse
for name in repository group; do
  install -o root -g root -m 0644 /dev/stdin "/opt/schoolhouse/$name" <<<"${!name}"
done
if [[ ! -s /etc/schoolhouse/authorization ]]; then
  read -rsp "Token that may register runners of $repository: " token
  echo
  (umask 077 && echo "Authorization: Bearer $token" >/etc/schoolhouse/authorization)
fi
install -o root -g root -m 0644 "$here/schoolhouse-runner.service" /etc/systemd/system
systemctl daemon-reload
systemctl enable --now schoolhouse-runner
echo "installed; \`systemctl status schoolhouse-runner\` says whether it waits for jobs"
