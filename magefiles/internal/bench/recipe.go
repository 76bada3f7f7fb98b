package bench

import (
	"os/exec"
	"slices"
	"strings"
)

// The recipe builds recipe/NAME/lambda.zip of each function $f, deploys it and
// moves the function to provided.al2023.
const (
	recipeBuild = `
		CGO_ENABLED=0 GOOS=linux GOARCH=amd64 "$GO" build -ldflags="-s -w -buildid=" -trimpath -o recipe/$f/lambda functions/$f/main.go
		CGO_ENABLED=0 GOOS=linux GOARCH=amd64 "$GO" build -ldflags="-s -w -buildid=" -trimpath -tags lambda.norpc -o recipe/$f/bootstrap functions/$f/main.go
	`
	recipeZip = `
		touch -t 202401010000 recipe/$f/lambda recipe/$f/bootstrap
		zip -j -q recipe/$f/lambda.zip recipe/$f/lambda recipe/$f/bootstrap
	`
	recipeDeploy = `
		aws lambda update-function-code --function-name prod-$f --zip-file fileb://bin/$f/lambda.zip | jq -c '{FunctionName, Runtime, Handler, LastModified}'
		aws lambda wait function-updated --function-name prod-$f
		aws lambda update-function-configuration --function-name prod-$f --runtime provided.al2023 --handler bootstrap | jq -c '{FunctionName, Runtime, Handler, LastModified}'
	`
)

// recipe returns a script that runs lines for one function after another.
func (b *bench) recipe(f *fleet, lines string, names []string) script {
	return b.script(f, append([]string{"sh", "-euc", "for f; do" + lines + "done", "recipe"}, names...)...)
}

// lacking returns why a script that needs the programs cannot run here, or "".
func lacking(programs ...string) string {
	programs = slices.DeleteFunc(programs, func(program string) bool {
		_, err := exec.LookPath(program)
		return err == nil
	})
	if len(programs) == 0 {
		return ""
	}
	return "no " + strings.Join(programs, ", ") + " on PATH"
}
