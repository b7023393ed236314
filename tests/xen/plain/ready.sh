# usage: sh -c "$(this)" on the host, which is ready for tests when it is done: Xen answers.
until xl info > /dev/null; do sleep 0.5; done
sync
