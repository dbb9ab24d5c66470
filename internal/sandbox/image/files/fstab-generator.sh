#!/bin/sh
# Makes mount units of the volumes in /etc/fstab. systemd's own generator
# passes over devices when /sys is read-only, as it is in a container.
set -eu
target=$1
[ -r /etc/fstab ] || exit 0
while read -r what where kind options _; do
	case $what in /dev/* | UUID=* | LABEL=*) ;; *) continue ;; esac
	case $where in /?*) ;; *) continue ;; esac
	case ",$options," in *,noauto,*) continue ;; esac
	unit=$(systemd-escape --path --suffix=mount "$where")
	[ ! -e "/etc/systemd/system/$unit" ] || continue
	{
		echo '[Unit]'
		echo 'SourcePath=/etc/fstab'
		echo 'Before=local-fs.target'
		echo '[Mount]'
		echo "What=$what"
		echo "Where=$where"
		echo "Type=$kind"
		echo "Options=$options"
	} >"$target/$unit"
	case ",$options," in *,nofail,*) links=wants ;; *) links=requires ;; esac
	mkdir -p "$target/local-fs.target.$links"
	ln -sf "../$unit" "$target/local-fs.target.$links/$unit"
done </etc/fstab
