# Reads "+ GROUP" and "- GROUP" lines. When the input ends, because the program
# that writes it has ended, kills the process groups that were added and not
# removed, kills the processes with $2 in their environment where the system has
# /proc/PID/environ, and removes the directory $1.
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
# A process may start another one before it is killed.
for try in 1 2 3 4 5 6 7 8 9; do
	marked=$(grep -lF "$2" /proc/[0-9]*/environ 2>/dev/null)
	[ "$marked" ] || break
	for file in $marked; do
		pid=${file#/proc/}
		kill -KILL "${pid%/environ}" 2>/dev/null
	done
done
[ -d "$1" ] && chmod -R u+rwx "$1" && rm -rf "$1"
exit 0
