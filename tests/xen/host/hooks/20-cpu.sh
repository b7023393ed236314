# QEMU's emulated AMD processors have no VME, and Xen hides SEP on AMD.  Without this no processor model of libvirt's
# fits, and its libxl driver refuses to start: "Cannot find suitable CPU model for given data".
sed -i "/'vme'/d" /usr/share/libvirt/cpu_map/x86_486.xml /usr/share/libvirt/cpu_map/x86_pentium.xml
