# What a host of trainbot's needs besides Xen, with all it depends on, so that apt-get finds it in its own cache.  The
# lists are kept: apt installs from them and from the cache alone, and asks the network for nothing.
apt-get -q -y --no-install-recommends --download-only install $(cat /usr/local/share/host-packages)
# libvirtd is started while its packages are installed, so its processor models have to fit by then: ours are here
# first, and dpkg lays the package's aside (dpkg-divert(1)).
map=/usr/share/libvirt/cpu_map
dpkg-deb --fsys-tarfile /var/cache/apt/archives/libvirt0_*.deb | tar -x -C / ".$map/x86_486.xml" ".$map/x86_pentium.xml"
fit-cpu-map "$map"
for file in x86_486.xml x86_pentium.xml; do
    dpkg-divert --quiet --local --no-rename --divert "$map/$file.debian" --add "$map/$file"
done
