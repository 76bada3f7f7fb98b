package manifest

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// withEnvironment returns a manifest with the environment dev.
func withEnvironment(environment string) string {
	return `{"environments": {"dev": ` + environment + `}, "functions": [{"name": "a", "package": "./a"}]}`
}

// withFunctions returns a manifest with functions.
func withFunctions(functions string) string {
	return `{"environments": {"dev": {}}, "functions": [` + functions + `]}`
}

// A decodeCase is a manifest that is well-formed JSON, with the problems that
// Parse finds in it. The schema finds it bad too, unless what is wrong is
// beyond what a schema can say.
type decodeCase struct {
	manifest     string
	want         []string
	beyondSchema bool
}

var decodeCases = []decodeCase{
	// minimal
	{manifest: `{"environments": {"dev": {}}, "functions": [{"name": "a", "package": "./a"}]}`},

	// everything
	{manifest: `{"$schema": "./.lambdas.schema.json", "environments": {"prod": {"profile": "our_prod", "region": "ap-northeast-1", "prefix": "prod-", "account": "012345678901", "dual": false, "settle": "1m30s", "calls": 7.5, "terraform": "../infra/prod"}, "dev": {}}, "functions": [{"name": "a", "package": "a", "tags": ["x", "y.z_1"], "dual": false, "names": {"prod": "legacy-a"}}, {"name": "b", "package": "./cmd/b/"}]}`},

	// other regions
	{manifest: `{"environments": {"gov": {"region": "us-gov-west-1"}, "eusc": {"region": "eusc-de-east-1"}, "iso": {"region": "us-isob-east-1"}}, "functions": [{"name": "a", "package": "."}]}`},

	// escaped names
	{manifest: `{"\u0065nvironments": {"dev": {"profile": "チーム 本番"}}, "functions": [{"name": "\u0061", "package": "./"}]}`},

	// empty profile and prefix
	{manifest: withEnvironment(`{"profile": "", "prefix": ""}`)},

	// settle bounds
	{manifest: withEnvironment(`{"settle": "0s"}`)},
	{manifest: withEnvironment(`{"settle": "15m"}`)},
	{manifest: withEnvironment(`{"settle": "0.5m0.25s"}`)},
	{
		manifest:     withEnvironment(`{"settle": "15m1ms"}`),
		beyondSchema: true,
		want: []string{
			`lambdas.json:1:37: /environments/dev/settle: "15m1ms" is not a duration from 0s to 15m (the longest delay is 15m)`,
		},
	},
	{
		manifest:     withEnvironment(`{"settle": "99999999999999999h"}`),
		beyondSchema: true,
		want: []string{
			`lambdas.json:1:37: /environments/dev/settle: "99999999999999999h" is not a duration from 0s to 15m (the longest delay is 15m)`,
		},
	},
	{
		manifest: withEnvironment(`{"settle": "-1s"}`),
		want: []string{
			`lambdas.json:1:37: /environments/dev/settle: "-1s" is not a duration from 0s to 15m (durations look like 60s or 1m30s)`,
		},
	},
	{
		manifest: withEnvironment(`{"settle": "60"}`),
		want: []string{
			`lambdas.json:1:37: /environments/dev/settle: "60" is not a duration from 0s to 15m (write "60s", with the unit)`,
		},
	},
	{
		manifest: withEnvironment(`{"settle": 60}`),
		want: []string{
			`lambdas.json:1:37: /environments/dev/settle: expected a string, found a number (write "60s", with the unit)`,
		},
	},
	{
		manifest: withEnvironment(`{"settle": ""}`),
		want: []string{
			`lambdas.json:1:37: /environments/dev/settle: "" is not a duration from 0s to 15m (durations look like 60s or 1m30s)`,
		},
	},
	{
		manifest: withEnvironment(`{"settle": "1m 30s"}`),
		want: []string{
			`lambdas.json:1:37: /environments/dev/settle: "1m 30s" is not a duration from 0s to 15m (durations look like 60s or 1m30s)`,
		},
	},

	// calls bounds
	{manifest: withEnvironment(`{"calls": 1}`)},
	{manifest: withEnvironment(`{"calls": 15.0}`)},
	{manifest: withEnvironment(`{"calls": 0.5e1}`)},
	{
		manifest: withEnvironment(`{"calls": 15.01}`),
		want: []string{
			`lambdas.json:1:36: /environments/dev/calls: 15.01 is not a number of calls a second from 1 to 15 (AWS takes 15 a second from everybody in the account and region)`,
		},
	},
	{
		manifest: withEnvironment(`{"calls": 0}`),
		want: []string{
			`lambdas.json:1:36: /environments/dev/calls: 0 is not a number of calls a second from 1 to 15 (AWS takes 15 a second from everybody in the account and region)`,
		},
	},
	{
		manifest: withEnvironment(`{"calls": -1e400}`),
		want: []string{
			`lambdas.json:1:36: /environments/dev/calls: -1e400 is not a number of calls a second from 1 to 15 (AWS takes 15 a second from everybody in the account and region)`,
		},
	},
	{
		manifest: withEnvironment(`{"calls": "14"}`),
		want: []string{
			`lambdas.json:1:36: /environments/dev/calls: expected a number, found a string (write 14 without quotes)`,
		},
	},
	{
		manifest: withEnvironment(`{"calls": "many"}`),
		want: []string{
			`lambdas.json:1:36: /environments/dev/calls: expected a number, found a string`,
		},
	},

	// kinds at the top
	{
		manifest: `null`,
		want: []string{
			`lambdas.json:1:1: expected an object, found null`,
		},
	},
	{
		manifest: `[]`,
		want: []string{
			`lambdas.json:1:1: expected an object, found an array`,
		},
	},
	{
		manifest: `"x"`,
		want: []string{
			`lambdas.json:1:1: expected an object, found a string`,
		},
	},

	// empty
	{
		manifest: `{}`,
		want: []string{
			`lambdas.json:1:1: missing member "environments"`,
			`lambdas.json:1:1: missing member "functions"`,
		},
	},
	{
		manifest: `{"environments": {}, "functions": []}`,
		want: []string{
			`lambdas.json:1:18: /environments: no environments (there must be one, such as "prod": {"profile": "our_prod"})`,
			`lambdas.json:1:35: /functions: no functions (there must be one, such as {"name": "example-api", "package": "./functions/example-api"})`,
		},
	},
	{
		manifest: `{"environments": [], "functions": {}}`,
		want: []string{
			`lambdas.json:1:18: /environments: expected an object, found an array`,
			`lambdas.json:1:35: /functions: expected an array, found an object`,
		},
	},
	{
		manifest: `{"environments": null, "functions": null}`,
		want: []string{
			`lambdas.json:1:18: /environments: expected an object, found null (give it a value or leave it out)`,
			`lambdas.json:1:37: /functions: expected an array, found null (give it a value or leave it out)`,
		},
	},
	{
		manifest: `{"environments": {"dev": null}, "functions": [null, 1, "./a"]}`,
		want: []string{
			`lambdas.json:1:26: /environments/dev: expected an object, found null (give it a value or leave it out)`,
			`lambdas.json:1:47: /functions/0: expected an object, found null (give it a value or leave it out)`,
			`lambdas.json:1:53: /functions/1: expected an object, found a number`,
			`lambdas.json:1:56: /functions/2: expected an object, found a string`,
		},
	},

	// schema
	{
		manifest: `{"$schema": 1, "environments": {"dev": {}}, "functions": [{"name": "a", "package": "./a"}]}`,
		want: []string{
			`lambdas.json:1:13: /$schema: expected a string, found a number (write "1")`,
		},
	},
	{
		manifest: `{"schema": "x", "environments": {"dev": {}}, "functions": [{"name": "a", "package": "./a"}]}`,
		want: []string{
			`lambdas.json:1:2: /schema: unknown member "schema" (did you mean "$schema"?)`,
		},
	},

	// member names
	{
		manifest: `{"Environments": {"dev": {}}, "FUNCTIONS": [{"Name": "a", "pakcage": "./a"}]}`,
		want: []string{
			`lambdas.json:1:2: /Environments: unknown member "Environments" (write "environments", in lower case)`,
			`lambdas.json:1:31: /FUNCTIONS: unknown member "FUNCTIONS" (write "functions", in lower case)`,
			`lambdas.json:1:46: /FUNCTIONS/0/Name: unknown member "Name" (write "name", in lower case)`,
			`lambdas.json:1:59: /FUNCTIONS/0/pakcage: unknown member "pakcage" (did you mean "package"?)`,
		},
	},
	{
		manifest: `{"environments": {"dev": {}}, "function": [{"name": "a", "package": "./a"}]}`,
		want: []string{
			`lambdas.json:1:31: /function: unknown member "function" (did you mean "functions"?)`,
		},
	},
	{
		manifest: withEnvironment(`{"zone": "x"}`),
		want: []string{
			`lambdas.json:1:27: /environments/dev/zone: unknown member "zone" (known: profile, region, prefix, account, dual, settle, calls, terraform)`,
		},
	},
	{
		manifest: withEnvironment(`{"profil": "x", "regions": "x", "PREFIX": "x"}`),
		want: []string{
			`lambdas.json:1:27: /environments/dev/profil: unknown member "profil" (did you mean "profile"?)`,
			`lambdas.json:1:42: /environments/dev/regions: unknown member "regions" (did you mean "region"?)`,
			`lambdas.json:1:58: /environments/dev/PREFIX: unknown member "PREFIX" (write "prefix", in lower case)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./a", "tag": ["x"], "": 1}`),
		want: []string{
			`lambdas.json:1:77: /functions/0/tag: unknown member "tag" (did you mean "tags"?)`,
			`lambdas.json:1:91: /functions/0/: unknown member "" (known: name, package, tags, dual, names)`,
		},
	},

	// duplicates
	{
		manifest:     `{"environments": {"dev": {}}, "environments": {"dev": {}}, "functions": [{"name": "a", "package": "./a"}]}`,
		beyondSchema: true,
		want: []string{
			`lambdas.json:1:31: /environments: duplicate member "environments" (keep one of the two)`,
		},
	},
	{
		manifest:     `{"environments": {"dev": {}, "dev": {}}, "functions": [{"name": "a", "package": "./a", "\u006eame": "b"}]}`,
		beyondSchema: true,
		want: []string{
			`lambdas.json:1:30: /environments/dev: duplicate member "dev" (keep one of the two)`,
			`lambdas.json:1:88: /functions/0/name: duplicate member "name" (keep one of the two)`,
		},
	},

	// environment names
	{
		manifest: `{"environments": {"Prod": {}, "1st": {}, "": {}, "a b": {}, "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee": {}}, "functions": [{"name": "a", "package": "./a"}]}`,
		want: []string{
			`lambdas.json:1:19: /environments/Prod: "Prod" is not an environment name (write "prod")`,
			`lambdas.json:1:31: /environments/1st: "1st" is not an environment name (use up to 32 lower-case letters, digits, "-" and "_", beginning with a letter)`,
			`lambdas.json:1:42: /environments/: "" is not an environment name (use up to 32 lower-case letters, digits, "-" and "_", beginning with a letter)`,
			`lambdas.json:1:50: /environments/a b: "a b" is not an environment name (use up to 32 lower-case letters, digits, "-" and "_", beginning with a letter)`,
			`lambdas.json:1:61: /environments/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee: "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee" is not an environment name (use up to 32 lower-case letters, digits, "-" and "_", beginning with a letter)`,
		},
	},

	// profile
	{
		manifest: withEnvironment(`{"profile": " our_prod"}`),
		want: []string{
			`lambdas.json:1:38: /environments/dev/profile: " our_prod" is not a profile name (leave out white space around it and control characters)`,
		},
	},
	{
		manifest: withEnvironment(`{"profile": "our\nprod"}`),
		want: []string{
			`lambdas.json:1:38: /environments/dev/profile: "our\nprod" is not a profile name (leave out white space around it and control characters)`,
		},
	},
	{
		manifest: withEnvironment(`{"profile": null}`),
		want: []string{
			`lambdas.json:1:38: /environments/dev/profile: expected a string, found null (give it a value or leave it out)`,
		},
	},

	// region
	{
		manifest: withEnvironment(`{"region": ""}`),
		want: []string{
			`lambdas.json:1:37: /environments/dev/region: "" is not an AWS region (regions look like ap-northeast-1)`,
		},
	},
	{
		manifest: withEnvironment(`{"region": "Tokyo"}`),
		want: []string{
			`lambdas.json:1:37: /environments/dev/region: "Tokyo" is not an AWS region (regions look like ap-northeast-1)`,
		},
	},
	{
		manifest: withEnvironment(`{"region": "ap-northeast-1a"}`),
		want: []string{
			`lambdas.json:1:37: /environments/dev/region: "ap-northeast-1a" is not an AWS region (regions look like ap-northeast-1)`,
		},
	},
	{
		manifest: withEnvironment(`{"region": ["ap-northeast-1"]}`),
		want: []string{
			`lambdas.json:1:37: /environments/dev/region: expected a string, found an array`,
		},
	},

	// prefix
	{
		manifest: withEnvironment(`{"prefix": "prod/"}`),
		want: []string{
			`lambdas.json:1:37: /environments/dev/prefix: "prod/" cannot begin the name of a Lambda function (use up to 63 letters, digits, "-" and "_")`,
		},
	},
	{
		manifest: withEnvironment(`{"prefix": "pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"}`),
		want: []string{
			`lambdas.json:1:37: /environments/dev/prefix: "pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp" cannot begin the name of a Lambda function (use up to 63 letters, digits, "-" and "_")`,
		},
	},

	// account
	{
		manifest: withEnvironment(`{"account": 123456789012}`),
		want: []string{
			`lambdas.json:1:38: /environments/dev/account: expected a string, found a number (write "123456789012")`,
		},
	},
	{
		manifest: withEnvironment(`{"account": "12345678901"}`),
		want: []string{
			`lambdas.json:1:38: /environments/dev/account: "12345678901" is not an AWS account id (an account id has twelve digits)`,
		},
	},
	{
		manifest: withEnvironment(`{"account": "1234-5678-9012"}`),
		want: []string{
			`lambdas.json:1:38: /environments/dev/account: "1234-5678-9012" is not an AWS account id (an account id has twelve digits)`,
		},
	},
	{
		manifest: withEnvironment(`{"account": ""}`),
		want: []string{
			`lambdas.json:1:38: /environments/dev/account: "" is not an AWS account id (an account id has twelve digits)`,
		},
	},

	// Terraform directories
	{manifest: withEnvironment(`{"terraform": "."}`)},
	{manifest: withEnvironment(`{"terraform": ".."}`)},
	{manifest: withEnvironment(`{"terraform": "./インフラ/our prod~1/"}`)},
	{
		manifest: withEnvironment(`{"terraform": ""}`),
		want: []string{
			`lambdas.json:1:40: /environments/dev/terraform: the Terraform directory is empty (leave it out, or write "." for the directory of the manifest)`,
		},
	},
	{
		manifest: withEnvironment(`{"terraform": "/srv/infra"}`),
		want: []string{
			`lambdas.json:1:40: /environments/dev/terraform: Terraform directory "/srv/infra" is absolute (write it relative to the manifest, such as ../infra/prod)`,
		},
	},
	{
		manifest: withEnvironment(`{"terraform": "~/infra"}`),
		want: []string{
			`lambdas.json:1:40: /environments/dev/terraform: Terraform directory "~/infra" is absolute (write it relative to the manifest, such as ../infra/prod)`,
		},
	},
	{
		manifest: withEnvironment(`{"terraform": "C:/infra"}`),
		want: []string{
			`lambdas.json:1:40: /environments/dev/terraform: Terraform directory "C:/infra" is absolute (write it relative to the manifest, such as ../infra/prod)`,
		},
	},
	{
		manifest: withEnvironment(`{"terraform": "..\\infra\\prod"}`),
		want: []string{
			`lambdas.json:1:40: /environments/dev/terraform: Terraform directory "..\\infra\\prod" has backslashes (write "../infra/prod")`,
		},
	},
	{
		manifest: withEnvironment(`{"terraform": "infra\u0000"}`),
		want: []string{
			`lambdas.json:1:40: /environments/dev/terraform: "infra\x00" is not a directory (Terraform directories look like ../infra/prod)`,
		},
	},
	{
		manifest: withEnvironment(`{"terraform": " infra"}`),
		want: []string{
			`lambdas.json:1:40: /environments/dev/terraform: " infra" is not a directory (Terraform directories look like ../infra/prod)`,
		},
	},
	{
		manifest: withEnvironment(`{"terraform": "git::https://example.com/infra"}`),
		want: []string{
			`lambdas.json:1:40: /environments/dev/terraform: "git::https://example.com/infra" is not a directory (Terraform directories look like ../infra/prod)`,
		},
	},
	{
		manifest: withEnvironment(`{"terraform": ["../infra/prod"]}`),
		want: []string{
			`lambdas.json:1:40: /environments/dev/terraform: expected a string, found an array`,
		},
	},

	// dual
	{
		manifest: withEnvironment(`{"dual": "false"}`),
		want: []string{
			`lambdas.json:1:35: /environments/dev/dual: expected true or false, found a string (write false without quotes)`,
		},
	},
	{
		manifest: withEnvironment(`{"dual": 0}`),
		want: []string{
			`lambdas.json:1:35: /environments/dev/dual: expected true or false, found a number`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./a", "dual": null}`),
		want: []string{
			`lambdas.json:1:85: /functions/0/dual: expected true or false, found null (give it a value or leave it out)`,
		},
	},

	// function name
	{
		manifest: withFunctions(`{"package": "./a"}`),
		want: []string{
			`lambdas.json:1:45: /functions/0: missing member "name"`,
		},
	},
	{
		manifest: withFunctions(`{"name": "", "package": "./a"}`),
		want: []string{
			`lambdas.json:1:54: /functions/0/name: "" is not a name that Lambda accepts (use 1 to 64 letters, digits, "-" and "_")`,
		},
	},
	{
		manifest: withFunctions(`{"name": "my func", "package": "./a"}`),
		want: []string{
			`lambdas.json:1:54: /functions/0/name: "my func" is not a name that Lambda accepts (use 1 to 64 letters, digits, "-" and "_")`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a/b", "package": "./a"}`),
		want: []string{
			`lambdas.json:1:54: /functions/0/name: "a/b" is not a name that Lambda accepts (use 1 to 64 letters, digits, "-" and "_")`,
		},
	},
	{
		manifest: withFunctions(`{"name": "関数", "package": "./a"}`),
		want: []string{
			`lambdas.json:1:54: /functions/0/name: "関数" is not a name that Lambda accepts (use 1 to 64 letters, digits, "-" and "_")`,
		},
	},
	{
		manifest: withFunctions(`{"name": "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", "package": "./a"}`),
		want: []string{
			`lambdas.json:1:54: /functions/0/name: "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" is not a name that Lambda accepts (use 1 to 64 letters, digits, "-" and "_")`,
		},
	},
	{
		manifest: withFunctions(`{"name": 7, "package": "./a"}`),
		want: []string{
			`lambdas.json:1:54: /functions/0/name: expected a string, found a number (write "7")`,
		},
	},

	// package
	{
		manifest: withFunctions(`{"name": "a"}`),
		want: []string{
			`lambdas.json:1:45: /functions/0: missing member "package"`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": ""}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: the package path is empty (package directories look like ./functions/example-api)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "/srv/a"}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: package path "/srv/a" is absolute (write it relative to the manifest)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "~/a"}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: package path "~/a" is absolute (write it relative to the manifest)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "C:\\src\\a"}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: package path "C:\\src\\a" is absolute (write it relative to the manifest)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "C:/src/a"}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: package path "C:/src/a" is absolute (write it relative to the manifest)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "\\\\host\\a"}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: package path "\\\\host\\a" is absolute (write it relative to the manifest)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": ".\\functions\\a"}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: package path ".\\functions\\a" has backslashes (write "./functions/a")`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "../a"}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: package path "../a" leaves the repository (only packages beside or below the manifest can be built)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./functions/../../a"}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: package path "./functions/../../a" leaves the repository (only packages beside or below the manifest can be built)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./functions/../a"}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: package path "./functions/../a" contains ".." (write "./a")`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./functions/.."}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: package path "./functions/.." contains ".." (write ".")`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": ".."}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: package path ".." leaves the repository (only packages beside or below the manifest can be built)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./..."}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: package path "./..." is a pattern (name one package)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./a...b"}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: package path "./a...b" is a pattern (name one package)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./a b"}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: "./a b" is not a package directory (package directories look like ./functions/example-api)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./a//b"}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: "./a//b" is not a package directory (package directories look like ./functions/example-api)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "././a"}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: "././a" is not a package directory (package directories look like ./functions/example-api)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./-a"}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: "./-a" is not a package directory (package directories look like ./functions/example-api)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./a."}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: "./a." is not a package directory (package directories look like ./functions/example-api)`,
		},
	},
	{manifest: withFunctions(`{"name": "a", "package": "./_a/.b/c-d.e+f"}`)},
	{
		manifest: withFunctions(`{"name": "a", "package": ["./a"]}`),
		want: []string{
			`lambdas.json:1:70: /functions/0/package: expected a string, found an array`,
		},
	},

	// tags
	{manifest: withFunctions(`{"name": "a", "package": "./a", "tags": []}`)},
	{
		manifest: withFunctions(`{"name": "a", "package": "./a", "tags": "x"}`),
		want: []string{
			`lambdas.json:1:85: /functions/0/tags: expected an array, found a string (write ["x"])`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./a", "tags": ["x,y", "!z", ""]}`),
		want: []string{
			`lambdas.json:1:86: /functions/0/tags/0: "x,y" is not a build tag (use letters, digits, "_" and ".")`,
			`lambdas.json:1:93: /functions/0/tags/1: "!z" is not a build tag (use letters, digits, "_" and ".")`,
			`lambdas.json:1:99: /functions/0/tags/2: "" is not a build tag (use letters, digits, "_" and ".")`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./a", "tags": ["x", "y", "x"]}`),
		want: []string{
			`lambdas.json:1:96: /functions/0/tags/2: duplicate build tag "x" (remove it)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./a", "tags": ["lambda.norpc"]}`),
		want: []string{
			`lambdas.json:1:86: /functions/0/tags/0: build tag "lambda.norpc" leaves out of the legacy binary what go1.x needs (remove it: the build sets it for bootstrap)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./a", "tags": [true, null]}`),
		want: []string{
			`lambdas.json:1:86: /functions/0/tags/0: expected a string, found true`,
			`lambdas.json:1:92: /functions/0/tags/1: expected a string, found null (give it a value or leave it out)`,
		},
	},

	// names
	{manifest: withFunctions(`{"name": "a", "package": "./a", "names": {}}`)},
	{
		manifest:     withFunctions(`{"name": "a", "package": "./a", "names": {"dve": "x", "production": "y"}}`),
		beyondSchema: true,
		want: []string{
			`lambdas.json:1:87: /functions/0/names/dve: no environment "dve" (did you mean "dev"?)`,
			`lambdas.json:1:99: /functions/0/names/production: no environment "production" (known: dev)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./a", "names": {"dev": "x y"}}`),
		want: []string{
			`lambdas.json:1:94: /functions/0/names/dev: "x y" is not a name that Lambda accepts (use 1 to 64 letters, digits, "-" and "_")`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./a", "names": {"Dev": "x"}}`),
		want: []string{
			`lambdas.json:1:87: /functions/0/names/Dev: no environment "Dev" (did you mean "dev"?)`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./a", "names": ["dev"]}`),
		want: []string{
			`lambdas.json:1:86: /functions/0/names: expected an object, found an array`,
		},
	},
	{
		manifest: withFunctions(`{"name": "a", "package": "./a", "names": {"dev": null}}`),
		want: []string{
			`lambdas.json:1:94: /functions/0/names/dev: expected a string, found null (give it a value or leave it out)`,
		},
	},

	// functions that clash
	{
		manifest:     withFunctions(`{"name": "a", "package": "./a"}, {"name": "a", "package": "./b"}`),
		beyondSchema: true,
		want: []string{
			`lambdas.json:1:87: /functions/1/name: duplicate function "a" (give each function a name of its own)`,
		},
	},
	{
		manifest:     withFunctions(`{"name": "a", "package": "./a"}, {"name": "A", "package": "./b"}`),
		beyondSchema: true,
		want: []string{
			`lambdas.json:1:87: /functions/1/name: function "A" differs from "a" only in case (some file systems cannot hold the directories of both)`,
		},
	},
	{
		manifest:     withFunctions(`{"name": "a", "package": "./a"}, {"name": "b", "package": "./b", "names": {"dev": "a"}}`),
		beyondSchema: true,
		want: []string{
			`lambdas.json:1:127: /functions/1/names/dev: "a", the name in environment "dev", is taken by function "a" (two functions cannot share a name on AWS)`,
		},
	},
	{
		manifest:     withFunctions(`{"name": "a", "package": "./a", "names": {"dev": "x"}}, {"name": "b", "package": "./b", "names": {"dev": "x"}}`),
		beyondSchema: true,
		want: []string{
			`lambdas.json:1:150: /functions/1/names/dev: "x", the name in environment "dev", is taken by function "a" (two functions cannot share a name on AWS)`,
		},
	},
	{manifest: withFunctions(`{"name": "a", "package": "./a", "names": {"dev": "b"}}, {"name": "b", "package": "./b", "names": {"dev": "a"}}`)},
	{
		manifest:     `{"environments": {"dev": {}, "prod": {"prefix": "prod-functions-of-our-team-"}}, "functions": [{"name": "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", "package": "./a"}]}`,
		beyondSchema: true,
		want: []string{
			`lambdas.json:1:105: /functions/0/name: "prod-functions-of-our-team-nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", the name in environment "prod", has 67 characters (Lambda allows 64)`,
		},
	},
	{manifest: `{"environments": {"dev": {}, "prod": {"prefix": "prod-functions-of-our-team-"}}, "functions": [{"name": "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", "package": "./a", "names": {"prod": "short"}}]}`},
}

func TestParse(t *testing.T) {
	for _, test := range decodeCases {
		t.Run(test.manifest, func(t *testing.T) {
			m, err := Parse("lambdas.json", []byte(test.manifest))
			checkLines(t, err, test.want...)
			if (m == nil) != (err != nil) {
				t.Errorf("got manifest %v and error %v", m, err)
			}
		})
	}
}

// checkLines checks that err, if there is one, consists of the lines in want.
func checkLines(t *testing.T, err error, want ...string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if want := strings.Join(want, "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestParseBrokenSyntax(t *testing.T) {
	for _, test := range []struct {
		data string
		want []string
	}{
		{``, []string{
			`lambdas.json:1:1: the file is empty (it needs environments and functions)`,
		}},
		{"  \n ", []string{
			`lambdas.json:1:1: the file is empty (it needs environments and functions)`,
		}},
		{"\ufeff", []string{
			`lambdas.json:1:1: the file begins with a byte order mark (save it as UTF-8 without one)`,
			`lambdas.json:1:1: the file is empty (it needs environments and functions)`,
		}},
		{"\ufeff{\n  \"environments\": {\"dev\": {}}, \"functions\": [{\"name\": \"a\", \"package\": \"./a\"}]}", []string{
			`lambdas.json:1:1: the file begins with a byte order mark (save it as UTF-8 without one)`,
		}},
		{"\xff\xfe{\x00}\x00", []string{
			`lambdas.json:1:1: the file is not UTF-8 but UTF-16 (save it as UTF-8)`,
		}},
		{"\xfe\xff\x00{", []string{
			`lambdas.json:1:1: the file is not UTF-8 but UTF-16 (save it as UTF-8)`,
		}},
		{`{`, []string{
			`lambdas.json:1:2: the file ends inside an object (a closing } is missing)`,
		}},
		{`{"environments"`, []string{
			`lambdas.json:1:16: /environments: the file ends inside an object (a closing } is missing)`,
		}},
		{`{"environments":`, []string{
			`lambdas.json:1:17: /environments: the file ends inside an object (a closing } is missing)`,
		}},
		{`{"environments": {"dev": {}},`, []string{
			`lambdas.json:1:30: the file ends inside an object (a closing } is missing)`,
		}},
		{`{"functions": [`, []string{
			`lambdas.json:1:16: /functions: the file ends inside an array (a closing ] is missing)`,
		}},
		{`{"functions": [{"name": "a`, []string{
			`lambdas.json:1:25: /functions/0/name: the string is never closed (add the missing ")`,
		}},
		{"{\"functions\": [{\"name\": \"a\n\"}]}", []string{
			`lambdas.json:1:27: /functions/0/name: line break in a string (close the string with ", or write \n)`,
		}},
		{`{"functions": [{"name": tr`, []string{
			`lambdas.json:1:27: /functions/0/name: the file ends inside an object (a closing } is missing)`,
		}},
		{"{\"a\": 1,\n}", []string{
			`lambdas.json:1:2: /a: unknown member "a" (known: $schema, environments, functions)`,
			`lambdas.json:1:8: trailing comma (remove it)`,
		}},
		{"{\"functions\": [\n{},\n]}", []string{
			`lambdas.json:2:1: /functions/0: missing member "name"`,
			`lambdas.json:2:1: /functions/0: missing member "package"`,
			`lambdas.json:2:3: /functions: trailing comma (remove it)`,
		}},
		{`{,}`, []string{
			`lambdas.json:1:2: trailing comma (remove it)`,
		}},
		{`{"a": 1,, "b": 2}`, []string{
			`lambdas.json:1:2: /a: unknown member "a" (known: $schema, environments, functions)`,
			`lambdas.json:1:9: a comma with nothing before it (remove it)`,
		}},
		{`[1,,2]`, []string{
			`lambdas.json:1:1: expected an object, found an array`,
			`lambdas.json:1:4: /1: a comma with nothing before it (remove it)`,
		}},
		{"// x\n{}", []string{
			`lambdas.json:1:1: JSON has no comments (remove it)`,
		}},
		{"{\n  # x\n}", []string{
			`lambdas.json:2:3: JSON has no comments (remove it)`,
		}},
		{`{"a": 1 /* x */}`, []string{
			`lambdas.json:1:2: /a: unknown member "a" (known: $schema, environments, functions)`,
			`lambdas.json:1:9: JSON has no comments (remove it)`,
		}},
		{`{environments: {}}`, []string{
			`lambdas.json:1:2: member name environments without quotes (write "environments")`,
		}},
		{`{'environments': {}}`, []string{
			`lambdas.json:1:2: expected double quotes, found ' (write "text")`,
		}},
		{`{1: 2}`, []string{
			`lambdas.json:1:2: member name 1 without quotes (write "1")`,
		}},
		{`{"a": 'x'}`, []string{
			`lambdas.json:1:7: /a: expected double quotes, found ' (write "text")`,
		}},
		{`{“a”: 1}`, []string{
			`lambdas.json:1:2: expected double quotes, found “ (write "text")`,
		}},
		{`{"a": True}`, []string{
			`lambdas.json:1:7: /a: unexpected True (write true)`,
		}},
		{`{"a": fals}`, []string{
			`lambdas.json:1:7: /a: unexpected fals (write "fals", or true or false)`,
		}},
		{`{"a": None}`, []string{
			`lambdas.json:1:7: /a: unexpected None (write "None", or true or false)`,
		}},
		{`{"a": us-east-1}`, []string{
			`lambdas.json:1:7: /a: unexpected us-east-1 (write "us-east-1", or true or false)`,
		}},
		{`{"a": nul}`, []string{
			`lambdas.json:1:7: /a: unexpected nul (write "nul", or true or false)`,
		}},
		{`{"a" {}}`, []string{
			`lambdas.json:1:6: /a: expected a colon after the member name, found '{' (write "name": value)`,
		}},
		{`{"a", 1}`, []string{
			`lambdas.json:1:5: /a: expected a colon after the member name, found ',' (write "name": value)`,
		}},
		{`{"a"= 1}`, []string{
			`lambdas.json:1:5: /a: expected a colon after the member name, found '=' (write "name": value)`,
		}},
		{`{"a":: 1}`, []string{
			`lambdas.json:1:6: /a: unexpected ':'`,
		}},
		{`{"a": }`, []string{
			`lambdas.json:1:7: /a: expected a value, found '}'`,
		}},
		{`{"a": 1 "b": 2}`, []string{
			`lambdas.json:1:2: /a: unknown member "a" (known: $schema, environments, functions)`,
			`lambdas.json:1:9: missing comma (put a comma before it)`,
		}},
		{"{\"a\": 1\n\"b\": 2}", []string{
			`lambdas.json:1:2: /a: unknown member "a" (known: $schema, environments, functions)`,
			`lambdas.json:2:1: missing comma (put a comma before it)`,
		}},
		{`[{} {}]`, []string{
			`lambdas.json:1:1: expected an object, found an array`,
			`lambdas.json:1:5: missing comma (put a comma before it)`,
		}},
		{`[1; 2]`, []string{
			`lambdas.json:1:1: expected an object, found an array`,
			`lambdas.json:1:3: expected ',' or ']', found ';'`,
		}},
		{`{"a": 1]`, []string{
			`lambdas.json:1:2: /a: unknown member "a" (known: $schema, environments, functions)`,
			`lambdas.json:1:8: expected '}', found ']'`,
		}},
		{`[1}`, []string{
			`lambdas.json:1:1: expected an object, found an array`,
			`lambdas.json:1:3: expected ']', found '}'`,
		}},
		{`]`, []string{
			`lambdas.json:1:1: expected a value, found ']'`,
		}},
		{`{"a": 012345678901}`, []string{
			`lambdas.json:1:2: /a: unknown member "a" (known: $schema, environments, functions)`,
			`lambdas.json:1:7: a number cannot begin with 0 (write "012345678901" if it is not a number)`,
		}},
		{`{"a": .5}`, []string{
			`lambdas.json:1:7: /a: malformed number (write digits, as in 0.5)`,
		}},
		{`{"a": +5}`, []string{
			`lambdas.json:1:7: /a: malformed number (write digits, as in 0.5)`,
		}},
		{`{"a": 1.}`, []string{
			`lambdas.json:1:7: /a: malformed number (write digits, as in 0.5)`,
		}},
		{`{"a": -}`, []string{
			`lambdas.json:1:7: /a: malformed number (write digits, as in 0.5)`,
		}},
		{"{\"a\": \"x\ny\"}", []string{
			`lambdas.json:1:9: /a: line break in a string (close the string with ", or write \n)`,
		}},
		{"{\"a\": \"x\ty\"}", []string{
			`lambdas.json:1:9: /a: control character in a string, '\t' (write \u0009)`,
		}},
		{`{"a": "C:\src"}`, []string{
			`lambdas.json:1:10: /a: invalid escape sequence in a string (write \\ for a backslash)`,
		}},
		{`{"a": "\ud800"}`, []string{
			`lambdas.json:1:8: /a: invalid escape sequence in a string (write \\ for a backslash)`,
		}},
		{"{\"a\": \"日本\xff\"}", []string{
			`lambdas.json:1:10: /a: the file is not UTF-8 (save it as UTF-8)`,
		}},
		{"{\"a\": \xff}", []string{
			`lambdas.json:1:7: /a: the file is not UTF-8 (save it as UTF-8)`,
		}},
		{`{"a": @}`, []string{
			`lambdas.json:1:7: /a: unexpected '@'`,
		}},
		{`{}}`, []string{
			`lambdas.json:1:1: missing member "environments"`,
			`lambdas.json:1:1: missing member "functions"`,
			`lambdas.json:1:3: unexpected data after the manifest (remove it)`,
		}},
		{`{} {}`, []string{
			`lambdas.json:1:1: missing member "environments"`,
			`lambdas.json:1:1: missing member "functions"`,
			`lambdas.json:1:4: unexpected data after the manifest (remove it)`,
		}},
		{`{} // x`, []string{
			`lambdas.json:1:1: missing member "environments"`,
			`lambdas.json:1:1: missing member "functions"`,
			`lambdas.json:1:4: unexpected data after the manifest (remove it)`,
		}},
		{"{\"environments\": {\"dev\": {}}, \"functions\": [{\"name\": \"a\", \"package\": \"./a\"}]}\n\nnull", []string{
			`lambdas.json:3:1: unexpected data after the manifest (remove it)`,
		}},
		{`{@: 1}`, []string{
			`lambdas.json:1:2: expected a member name in double quotes, found '@'`,
		}},
		{`tru`, []string{
			`lambdas.json:1:4: the file ends too early`,
		}},
		{`x`, []string{
			`lambdas.json:1:1: unexpected x (write "x", or true or false)`,
		}},
		{`"x`, []string{
			`lambdas.json:1:1: the string is never closed (add the missing ")`,
		}},
		{`{"environments": ` + strings.Repeat("[", 100_000), []string{
			`lambdas.json:1:18: /environments: expected an object, found an array`,
			`lambdas.json:1:81: nested too deeply (a manifest has four levels)`,
		}},
	} {
		t.Run(shorten(test.data), func(t *testing.T) {
			_, err := Parse("lambdas.json", []byte(test.data))
			checkLines(t, err, test.want...)
		})
	}
}

func TestParseDefaults(t *testing.T) {
	got, err := Parse("lambdas.json", []byte(`{
		"$schema": "./.lambdas.schema.json",
		"environments": {
			"prod": {"profile": "our_prod", "region": "ap-northeast-1", "prefix": "prod-", "account": "012345678901", "dual": false, "settle": "1m30s", "calls": 7.5, "terraform": "../infra/prod"},
			"dev": {}
		},
		"functions": [
			{"name": "a", "package": "functions/a/", "tags": ["x", "y"], "dual": false, "names": {"prod": "legacy-a"}},
			{"name": "b", "package": "./"}
		]
	}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &Manifest{
		Schema: "./.lambdas.schema.json",
		Environments: map[string]Environment{
			"prod": {Name: "prod", Profile: "our_prod", Region: "ap-northeast-1", Prefix: "prod-", Account: "012345678901", Settle: 90 * time.Second, Calls: 7.5, Terraform: "../infra/prod"},
			"dev":  {Name: "dev", Dual: true, Settle: DefaultSettle},
		},
		Functions: []Function{
			{Name: "a", Package: "./functions/a", Tags: []string{"x", "y"}, Names: map[string]string{"prod": "legacy-a"}},
			{Name: "b", Package: ".", Dual: true},
		},
	}
	got.source = source{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestParsePlaces checks that lines and columns are those of an editor.
func TestParsePlaces(t *testing.T) {
	for _, test := range []struct{ name, data, want string }{
		{
			"characters, not bytes",
			`{"environments": {"dev": {"profile": "チーム本番🚀", "zone": 1}}, "functions": [{"name": "a", "package": "./a"}]}`,
			`lambdas.json:1:48: /environments/dev/zone: unknown member "zone" (known: profile, region, prefix, account, dual, settle, calls, terraform)`,
		},
		{
			"a tab is one",
			"{\n\t\"environments\": {\"dev\": {}},\n\t\"functions\": [\n\t\t{\"name\":\t\"\",\t\"package\": \"./a\"}\n\t]\n}\n",
			`lambdas.json:4:12: /functions/0/name: "" is not a name that Lambda accepts (use 1 to 64 letters, digits, "-" and "_")`,
		},
		{
			"CRLF",
			"{\r\n  \"environments\": {\"dev\": {}},\r\n  \"functions\": [\r\n    {\"name\": 1, \"package\": \"./a\"}\r\n  ]\r\n}\r\n",
			`lambdas.json:4:14: /functions/0/name: expected a string, found a number (write "1")`,
		},
		{
			"after a byte order mark",
			"\ufeff{\"dev\": 1, \"environments\": {\"dev\": {}}, \"functions\": [{\"name\": \"a\", \"package\": \"./a\"}]}",
			"lambdas.json:1:1: the file begins with a byte order mark (save it as UTF-8 without one)\n" +
				`lambdas.json:1:2: /dev: unknown member "dev" (known: $schema, environments, functions)`,
		},
		{
			"pointers are escaped",
			`{"environments": {"a/b~c": {}}, "functions": [{"name": "a", "package": "./a"}]}`,
			`lambdas.json:1:19: /environments/a~1b~0c: "a/b~c" is not an environment name (use up to 32 lower-case letters, digits, "-" and "_", beginning with a letter)`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("lambdas.json", []byte(test.data))
			checkLines(t, err, strings.Split(test.want, "\n")...)
		})
	}
}

// TestParseLarge checks that a file full of problems is dealt with in time.
func TestParseLarge(t *testing.T) {
	const count = 50_000
	data := `{"functions": [` + strings.Repeat("0,", count-1) + `0], "environments": {"dev": {}}}`
	_, err := Parse("lambdas.json", []byte(data))
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v, want Problems", err)
	}
	if got, want := len(problems), count; got != want {
		t.Errorf("got %d problems, want %d", got, want)
	}
	last := problems[len(problems)-1]
	if want := 16 + 2*(count-1); last.Line != 1 || last.Column != want {
		t.Errorf("last problem at %d:%d, want 1:%d", last.Line, last.Column, want)
	}
}
