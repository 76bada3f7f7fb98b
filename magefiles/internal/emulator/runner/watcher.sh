# Reads "+ GROUP" and "- GROUP" lines. When the input ends, because the program
# that writes it has ended, kills the process groups that were added and not
# removed, and removes the directory $1.
trap '' INT TERM HUP
groups=' '
while read -r sign group; do
	case $sign in
	+) groups="$groups$group " ;;
	-) case $groups in *" $group "*) groups="${groups%%" $group "*} ${groups#*" $group "}" ;; esac ;;
	esac
done
for group in $groups; do
	kill -KILL "-$group" 2>/dev/null
done
[ -d "$1" ] && chmod -R u+rwx "$1" && rm -rf "$1"
exit 0
