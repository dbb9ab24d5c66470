#!/bin/sh
# mmdebstrap runs this when all packages are installed; $1 is the new root and
# the other files of the image lie beside this one.
set -eu
root=$1
files=$(dirname "$0")

install -D -m 0755 "$files/init.sh" "$root/usr/local/sbin/infra-init"
install -D -m 0755 "$files/fstab-generator.sh" \
	"$root/usr/local/lib/systemd/system-generators/infra-fstab-generator"
install -m 0644 "$files/cloud.cfg" "$root/etc/cloud/cloud.cfg"
install -m 0644 "$files/DataSourceInfra.py" \
	"$root/usr/lib/python3/dist-packages/cloudinit/sources/DataSourceInfra.py"
echo 'policy: enabled' >"$root/etc/cloud/ds-identify.cfg"

# What drills of ZooKeeper's clock need, without the Maven that the package wants.
jars=$(mktemp -d "$root/tmp/jars.XXXXXX")
(cd "$jars" && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --quiet download libbyteman-java && dpkg-deb --extract ./*.deb .)
cp "$jars"/usr/share/java/byteman.jar "$jars"/usr/share/java/byteman-install.jar "$jars"/usr/share/java/byteman-submit.jar "$root/usr/share/java"
rm -r "$jars"

# What a role starts when it has configured it, what only real machines have,
# and what would look for a network.
chroot "$root" systemctl disable --quiet \
	auditd.service chrony.service cloud-init-hotplugd.socket nftables.service \
	postgresql.service repmgrd.service ssh.socket zookeeper.service \
	apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service \
	fstrim.timer man-db.timer 2>/dev/null || true
for unit in repmgrd zookeeper; do
	rm -f "$root"/etc/rc[0-6S].d/[SK][0-9][0-9]$unit
done
chroot "$root" systemctl mask --quiet \
	console-getty.service getty.target systemd-udevd.service systemd-udev-trigger.service \
	systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-modules-load.service \
	sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount \
	dev-mqueue.mount proc-sys-fs-binfmt_misc.automount systemd-remount-fs.service \
	e2scrub_reap.service systemd-networkd-wait-online.service
chroot "$root" systemctl set-default --quiet multi-user.target

# Each host makes its own identity.
rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/dbus/machine-id" "$root/usr/sbin/policy-rc.d"
: >"$root/etc/machine-id"
: >"$root/etc/hosts"
: >"$root/etc/resolv.conf"
rm -rf "$root/etc/hostname" "$root"/var/lib/cloud/* "$root"/var/lib/apt/lists/*
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$root"/var/cache/apt/*.bin "$root"/var/log/*.log "$root"/var/log/apt/*
