package sample

import (
	"go/ast"
	gobuild "go/build"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The packages of aws-lambda-go that reveal what a handler takes.
const (
	lambdaPath = "github.com/aws/aws-lambda-go/lambda"
	eventsPath = "github.com/aws/aws-lambda-go/events"
)

// eventType returns which type of the package events the handler in a directory
// takes, "" if it takes no event. It reports false if the source does not say so:
// it is read without other packages and without checking types.
//
// The handler is what the source passes to lambda.Start and the like. If that is
// not the name of a function in the directory, such as the result of a call, all
// its functions are considered, and only one of the types may occur.
func eventType(dir string, tags []string) (name string, ok bool) {
	s := parseSource(dir, tags)
	handlers := s.handlers()
	if len(handlers) == 1 {
		return s.takes(handlers[0])
	}
	if len(handlers) == 0 {
		handlers = s.functions
	}
	var types []string
	for _, f := range handlers {
		taken, _ := s.takes(f)
		if _, known := shapeOf(taken); known && !slices.Contains(types, taken) {
			types = append(types, taken)
		}
	}
	if len(types) != 1 {
		return "", false
	}
	return types[0], true
}

// source is what the files of a package declare.
type source struct {
	files     []file
	functions []function            // declared ones and literals
	types     map[string]expression // by name
	declared  map[string][]function // by name; methods of all types
}

// file is a file with the names by which it refers to packages.
type file struct {
	syntax         *ast.File
	imports        map[string]string // by path
	lambda, events string            // of these, or ""
}

type function struct {
	in     file
	method bool
	*ast.FuncType
}

type expression struct {
	in file
	ast.Expr
}

// parseSource parses the files that are built for Lambda with the tags. Files that
// it cannot parse, it leaves to the compiler.
func parseSource(dir string, tags []string) *source {
	s := &source{types: map[string]expression{}, declared: map[string][]function{}}
	lambda := gobuild.Default
	lambda.GOOS, lambda.GOARCH, lambda.CgoEnabled, lambda.BuildTags = "linux", "amd64", false, tags
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if match, err := lambda.MatchFile(dir, e.Name()); err != nil || !match || filepath.Ext(e.Name()) != ".go" || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		if err == nil {
			names := importNames(parsed)
			s.add(file{parsed, names, names[lambdaPath], names[eventsPath]})
		}
	}
	return s
}

// importNames returns the name by which a file refers to each package that it
// imports, by import path. It is "." if it uses the package's names alone.
func importNames(f *ast.File) map[string]string {
	names := map[string]string{}
	for _, i := range f.Imports {
		imported, err := strconv.Unquote(i.Path.Value)
		switch {
		case err != nil:
		case i.Name != nil:
			names[imported] = i.Name.Name
		default:
			names[imported] = path.Base(imported)
		}
	}
	return names
}

func (s *source) add(f file) {
	s.files = append(s.files, f)
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			declared := function{f, n.Recv != nil, n.Type}
			s.functions = append(s.functions, declared)
			s.declared[n.Name.Name] = append(s.declared[n.Name.Name], declared)
		case *ast.FuncLit:
			s.functions = append(s.functions, function{f, false, n.Type})
		case *ast.TypeSpec:
			s.types[n.Name.Name] = expression{f, n.Type}
		}
		return true
	})
}

// handlers returns the functions that are passed to lambda.Start and the like.
func (s *source) handlers() (found []function) {
	for _, f := range s.files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			at := map[string]int{"Start": 1, "StartWithOptions": 1, "StartHandlerFunc": 1, "NewHandler": 1, "NewHandlerWithOptions": 1,
				"StartWithContext": 2}[f.member(call.Fun, f.lambda)]
			if at == 0 || len(call.Args) < at {
				return true
			}
			found = append(found, s.named(f, call.Args[at-1])...)
			return true
		})
	}
	return found
}

// named returns the functions that an expression of a file may stand for, none if
// it is not the name of a function, or one of another package.
func (s *source) named(f file, e ast.Expr) (found []function) {
	name, method := "", false
	switch e := e.(type) {
	case *ast.FuncLit:
		return []function{{f, false, e.Type}}
	case *ast.Ident:
		name = e.Name
	case *ast.SelectorExpr:
		x, isName := e.X.(*ast.Ident)
		if isName && slices.Contains(slices.Collect(maps.Values(f.imports)), x.Name) {
			return nil
		}
		name, method = e.Sel.Name, true
	}
	for _, d := range s.declared[name] {
		if d.method == method {
			found = append(found, d)
		}
	}
	return found
}

// takes returns which type of the package events a function takes, "" if it takes
// no event. It reports false if it takes something else.
func (s *source) takes(f function) (name string, ok bool) {
	var params []ast.Expr
	for _, field := range f.Params.List {
		for range max(1, len(field.Names)) {
			params = append(params, field.Type)
		}
	}
	if len(params) > 0 {
		if first, ok := params[0].(*ast.SelectorExpr); ok && first.Sel.Name == "Context" {
			params = params[1:]
		}
	}
	if len(params) == 0 {
		return "", true
	}
	name = s.resolve(expression{f.in, params[len(params)-1]}, 0)
	return name, name != ""
}

// resolve returns the type of the package events that an expression stands for, or
// "" if it is another one.
func (s *source) resolve(e expression, depth int) string {
	switch x := e.Expr.(type) {
	case *ast.ParenExpr:
		return s.resolve(expression{e.in, x.X}, depth)
	case *ast.StarExpr:
		return s.resolve(expression{e.in, x.X}, depth)
	case *ast.SelectorExpr:
		return e.in.member(x, e.in.events)
	case *ast.Ident:
		if other, ok := s.types[x.Name]; ok && depth < len(s.types) {
			return s.resolve(other, depth+1)
		}
		return e.in.member(x, e.in.events)
	}
	return ""
}

// member returns the name that an expression selects from a package, which the
// file calls pkg, or "".
func (f file) member(e ast.Expr, pkg string) string {
	switch x := e.(type) {
	case *ast.IndexExpr:
		return f.member(x.X, pkg)
	case *ast.IndexListExpr:
		return f.member(x.X, pkg)
	case *ast.Ident:
		if pkg == "." {
			return x.Name
		}
	case *ast.SelectorExpr:
		if from, ok := x.X.(*ast.Ident); ok && pkg != "" && from.Name == pkg {
			return x.Sel.Name
		}
	}
	return ""
}
