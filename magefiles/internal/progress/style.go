package progress

// Style is an SGR parameter of ECMA-48, or "" for none. Words always say what a
// style says.
type Style string

const (
	Plain  Style = ""
	Bold   Style = "1"
	Faint  Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
)

// Paint returns s in the style, or as it is without colour.
func (st Style) Paint(colour bool, s string) string {
	if !colour || st == Plain || s == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + "\x1b[m"
}

// styles are the styles of rows by state.
var styles = [...]Style{waiting: Faint, queued: Plain, active: Plain, settling: Yellow, changed: Green, unchanged: Green, failed: Red, stopped: Yellow}
