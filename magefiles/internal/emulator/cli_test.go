package emulator_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/dualboot/magefiles/internal/emulator"
)

// needCLI skips a test that is about the AWS CLI where there is none.
func needCLI(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("there is no AWS CLI on PATH")
	}
}

// The AWS CLI takes the emulator for AWS, through AWS_ENDPOINT_URL.
func TestCLI(t *testing.T) {
	t.Parallel()
	needCLI(t)
	b := newBench(t, emulator.Options{Region: "eu-west-1"})
	dir := t.TempDir()
	zip := filepath.Join(dir, "dual.zip")
	if err := os.WriteFile(zip, dualZip(t), 0o600); err != nil {
		t.Fatal(err)
	}
	run, aws := awsCLI(b, dir)
	const arn = "arn:aws:lambda:eu-west-1:123456789012:function:f"

	if got := aws("sts", "get-caller-identity"); got["Account"] != "123456789012" {
		t.Errorf("get-caller-identity: %v", got)
	}
	got := aws("lambda", "create-function", "--function-name", "f", "--runtime", "go1.x", "--handler", "lambda",
		"--role", role, "--zip-file", "fileb://"+zip, "--timeout", "30", "--environment", "Variables={TEXT=old}")
	if got["FunctionArn"] != arn || got["State"] != "Pending" {
		t.Errorf("create-function: %v", got)
	}
	aws("lambda", "update-function-configuration", "--function-name", "f", "--runtime", "provided.al2023")
	aws("lambda", "wait", "function-updated", "--function-name", "f")
	got = aws("lambda", "get-function", "--function-name", arn)
	if c := got["Configuration"].(map[string]any); c["Runtime"] != "provided.al2023" || c["LastUpdateStatus"] != "Successful" {
		t.Errorf("get-function: %v", got)
	}
	got = aws("lambda", "update-function-code", "--function-name", arn, "--zip-file", "fileb://"+zip, "--architectures", "x86_64")
	if got["LastUpdateStatus"] != "InProgress" {
		t.Errorf("update-function-code: %v", got)
	}
	got = aws("lambda", "list-functions")
	if functions := got["Functions"].([]any); len(functions) != 1 || functions[0].(map[string]any)["FunctionName"] != "f" {
		t.Errorf("list-functions: %v", got)
	}

	got = aws("lambda", "invoke", "--function-name", "f", "--qualifier", "$LATEST", "--log-type", "Tail", "--payload", `{"Do":"print","Text":"hello\n"}`, "out.json")
	log, _ := base64.StdEncoding.DecodeString(got["LogResult"].(string))
	if got["StatusCode"] != 200.0 || got["FunctionError"] != nil || !strings.Contains(string(log), "\nhello\n") {
		t.Errorf("invoke: %v\n%s", got, log)
	}
	var answer result
	content, err := os.ReadFile(filepath.Join(dir, "out.json"))
	if err == nil {
		err = json.Unmarshal(content, &answer)
	}
	if err != nil || answer.Text != "hello\n" {
		t.Errorf("the answer is %s, %v", content, err)
	}

	// A version serves on by its alias when the function is updated.
	got = aws("lambda", "publish-version", "--function-name", "f", "--description", "the first")
	if got["Version"] != "1" || got["FunctionArn"] != arn+":1" {
		t.Errorf("publish-version: %v", got)
	}
	got = aws("lambda", "create-alias", "--function-name", "f", "--name", "live", "--function-version", "1")
	if got["AliasArn"] != arn+":live" {
		t.Errorf("create-alias: %v", got)
	}
	got = aws("lambda", "update-function-code", "--function-name", "f", "--zip-file", "fileb://"+zip, "--publish")
	if got["Version"] != "1" { // nothing has changed
		t.Errorf("update-function-code --publish: %v", got)
	}
	aws("lambda", "update-function-configuration", "--function-name", "f", "--environment", "Variables={TEXT=new}")
	for _, qualifier := range []string{"live", "1"} {
		got = aws("lambda", "invoke", "--function-name", "f", "--qualifier", qualifier, "--payload", "{}", "out.json")
		content, _ := os.ReadFile(filepath.Join(dir, "out.json"))
		if got["ExecutedVersion"] != "1" || !strings.Contains(string(content), `"Text":"old"`) {
			t.Errorf("invoke --qualifier %s: %v, %s", qualifier, got, content)
		}
	}
	aws("lambda", "publish-version", "--function-name", "f")
	aws("lambda", "update-alias", "--function-name", "f", "--name", "live", "--function-version", "2")
	got = aws("lambda", "get-function", "--function-name", "f", "--qualifier", "live")
	if c := got["Configuration"].(map[string]any); c["Version"] != "2" || c["FunctionArn"] != arn+":live" {
		t.Errorf("get-function --qualifier: %v", got)
	}
	aws("lambda", "delete-function", "--function-name", "f", "--qualifier", "1")
	got = aws("lambda", "list-versions-by-function", "--function-name", "f")
	if versions := got["Versions"].([]any); len(versions) != 2 || versions[1].(map[string]any)["Version"] != "2" {
		t.Errorf("list-versions-by-function: %v", got)
	}
	got = aws("lambda", "list-aliases", "--function-name", "f", "--function-version", "2")
	if aliases := got["Aliases"].([]any); len(aliases) != 1 {
		t.Errorf("list-aliases: %v", got)
	}
	aws("lambda", "delete-alias", "--function-name", "f", "--name", "live")

	out, err := run("lambda", "update-function-configuration", "--function-name", "f", "--revision-id", "stale")
	if err == nil || !strings.Contains(string(out), "An error occurred (PreconditionFailedException) when calling the UpdateFunctionConfiguration operation: The Revision Id provided does not match") {
		t.Errorf("%v: %s", err, out)
	}
}

// awsCLI runs the AWS CLI in a directory, against the server of a bench and with
// nothing of the machine's own configuration. run answers stdout and stderr; aws
// expects success and answers the JSON.
func awsCLI(b *bench, dir string) (run func(args ...string) ([]byte, error), aws func(args ...string) map[string]any) {
	run = func(args ...string) ([]byte, error) {
		cmd := exec.Command("aws", append(args, "--output", "json")...)
		cmd.Dir = dir
		for _, pair := range os.Environ() {
			if !strings.HasPrefix(pair, "AWS_") {
				cmd.Env = append(cmd.Env, pair)
			}
		}
		cmd.Env = append(cmd.Env,
			"AWS_ENDPOINT_URL="+b.URL(),
			"AWS_REGION="+b.Config().Region, "AWS_DEFAULT_REGION="+b.Config().Region,
			"AWS_ACCESS_KEY_ID="+b.Credentials().AccessKeyID,
			"AWS_SECRET_ACCESS_KEY="+b.Credentials().SecretAccessKey,
			"AWS_CONFIG_FILE="+filepath.Join(dir, "none"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "none"),
			"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1",
			"NO_PROXY=127.0.0.1",
		)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		return append(out, stderr.Bytes()...), err
	}
	aws = func(args ...string) map[string]any {
		b.Helper()
		out, err := run(args...)
		if err != nil {
			b.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		var v map[string]any
		if len(bytes.TrimSpace(out)) > 0 {
			if err := json.Unmarshal(out, &v); err != nil {
				b.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
		return v
	}
	return run, aws
}
