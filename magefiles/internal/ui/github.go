package ui

import (
	"fmt"
	"strings"
)

// annotate adds an error or a warning to the run of GitHub Actions. Source:
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions
func (u *UI) annotate(level, message string) {
	if u.github {
		u.board.Raw(annotation(level, message))
	}
}

// annotation returns the workflow command of an annotation. The values are those
// that the runner decodes. Source:
// https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
func annotation(level, message string) string {
	escape := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	return fmt.Sprintf("::%s title=dualboot::%s\n", level, escape.Replace(message))
}
