#!/bin/sh
# The first program of a sandbox host: makes the container look like the
# machine that systemd expects and becomes systemd. It runs at every boot.
set -eu

# The container has its own cgroup namespace; systemd must be able to write
# its part of the tree, which the container engine mounts read-only.
mount -o remount,rw,nosuid,nodev,noexec /sys/fs/cgroup 2>/dev/null || {
	umount -R -l /sys/fs/cgroup 2>/dev/null || true
	mount -t cgroup2 -o rw,nosuid,nodev,noexec cgroup2 /sys/fs/cgroup
}
# Per-host network settings may be changed, the rest of /proc/sys may not.
if mount --bind /proc/sys/net /proc/sys/net 2>/dev/null; then
	mount -o remount,bind,rw /proc/sys/net 2>/dev/null || true
fi

# The engine mounts files of its own over these and rewrites them when it
# likes. A host keeps its own.
for file in /etc/hosts /etc/hostname /etc/resolv.conf; do
	if grep -q " $file " /proc/self/mounts; then
		cp "$file" "$file.engine"
		umount "$file"
		if [ ! -s "$file" ]; then
			cat "$file.engine" >"$file"
		fi
		rm -f "$file.engine"
	fi
done
if [ -n "${INFRA_REGION:-}" ]; then
	printf 'nameserver 169.254.169.253\nsearch %s.compute.internal\noptions timeout:2 attempts:2\n' \
		"$INFRA_REGION" >/etc/resolv.conf
fi

# Volumes are attached and the port is plugged in while this waits, so that
# mounts in fstab find their devices.
waited=0
until [ -e /dev/.infra-attached ]; do
	waited=$((waited + 1))
	if [ "$waited" -gt 600 ]; then
		echo "infra: no word from the sandbox after 30 s, booting without volumes"
		break
	fi
	sleep 0.05
done

unset INFRA_REGION
exec /sbin/init
