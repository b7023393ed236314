# Assembles one file from its chunks; the caller sets folder, name, size, sum and version.  Prints "have N" for each chunk
# left from an earlier try, then reads chunks: "KIND NUMBER OFFSET LENGTH", LENGTH bytes, and a line "." (KIND raw or
# gzip, OFFSET in MiB), answering "ok NUMBER" to each, until "end".  Then verifies the checksum and renames the file.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
umask 022
cd "$folder"
part=".$name.part" noted=".$name.part.chunks"
# Earlier chunks are useful only if they are of the same file and layout.
if [ ! -f "$part" ] || [ "$(head -n 1 "$noted" 2>/dev/null)" != "$version $sum $size" ]; then
    rm -f "$part" "$noted"
    truncate -s "$size" "$part"
    echo "$version $sum $size" >"$noted"
fi
sed -n '2,$s/^[0-9][0-9]*$/have &/p' "$noted"
echo ready
while read -r kind number offset length && [ "$kind" != end ]; do
    case $kind in raw) open=cat ;; *) open='gzip -dc' ;; esac
    head -c "$length" | $open | dd of="$part" bs=1M seek="$offset" conv=notrunc,sparse iflag=fullblock status=none
    read -r whole || exit 1 # the connection broke in the middle of a chunk
    [ "$whole" = . ] || exit 1
    echo "$number" >>"$noted"
    echo "ok $number"
done
[ "$kind" = end ] || exit 1
sync "$part"
found=$(sha256sum <"$part")
if [ "${found%% *}" != "$sum" ]; then
    rm -f "$part" "$noted"
    echo "$name arrived damaged: run this again" >&2
    exit 1
fi
chmod 644 "$part"
mv -f "$part" "$name"
rm -f "$noted"
echo "$sum $(stat -c '%s %Y %i' "$name")" >".$name.sum"
echo done
