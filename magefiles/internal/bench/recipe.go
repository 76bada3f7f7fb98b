package bench

import (
	"os/exec"
	"strings"
)

// recipe is a part of what people did for each function before, as lines of
// shell, and the programs that it takes.
type recipe struct {
	lines    string // about function $f
	programs []string
}

// The recipe takes each function's main.go to recipe/NAME/lambda.zip, and from
// there to provided.al2023.
func recipeBuild() recipe {
	return recipe{`
		CGO_ENABLED=0 GOOS=linux GOARCH=amd64 "$GO" build -ldflags="-s -w -buildid=" -trimpath -o recipe/$f/lambda functions/$f/main.go
		CGO_ENABLED=0 GOOS=linux GOARCH=amd64 "$GO" build -ldflags="-s -w -buildid=" -trimpath -tags lambda.norpc -o recipe/$f/bootstrap functions/$f/main.go
	`, []string{"sh"}}
}

func recipeZip() recipe {
	return recipe{`
		touch -t 202401010000 recipe/$f/lambda recipe/$f/bootstrap
		zip -j -q recipe/$f/lambda.zip recipe/$f/lambda recipe/$f/bootstrap
	`, []string{"sh", "touch", "zip"}}
}

func recipeDeploy() recipe {
	return recipe{`
		aws lambda update-function-code --function-name prod-$f --zip-file fileb://bin/$f/lambda.zip | jq -c '{FunctionName, Runtime, Handler, LastModified}'
		aws lambda wait function-updated --function-name prod-$f
		aws lambda update-function-configuration --function-name prod-$f --runtime provided.al2023 --handler bootstrap | jq -c '{FunctionName, Runtime, Handler, LastModified}'
	`, []string{"sh", "aws", "jq"}}
}

// missing says which of its programs are not there, if any.
func (r recipe) missing() string {
	var list []string
	for _, program := range r.programs {
		if _, err := exec.LookPath(program); err != nil {
			list = append(list, program)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return "no " + strings.Join(list, ", ") + " on PATH"
}

// command does it for one function after another, in the fleet's directory.
func (r recipe) command(f *fleet, env []string, names []string) command {
	args := []string{"sh", "-euc", "for f; do" + r.lines + "done", "recipe"}
	return command{args: append(args, names...), dir: f.dir, env: env}
}
