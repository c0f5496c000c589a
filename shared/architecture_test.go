// Package shared_test executes the rule of the tree: which room may import which.
// A room is a package of shared. The rule is written here and nowhere else.
package shared_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/rollcall/rollcall/"

// kind is what a room is, and so what it may reach, itself or through others.
type kind struct {
	name   string
	forbid []string // packages that a room of this kind never reaches, by prefix
}

// The kinds, from the inside out. A pure room computes; it knows no store, no
// network, no process and no log. A use case decides what is written and told,
// through ports. An adapter implements ports with one technology. A seam joins
// the outside with the use cases. A tool is run by the build or by tests, and no
// Lambda links it. A proof is imported by tests only. That no room
// takes time or chance but from a clock it is given, the linter sees (forbidigo).
var (
	pure    = kind{"pure", []string{"github.com/aws/", "net/http", "log", "os/exec"}}
	useCase = kind{"use case", []string{"github.com/aws/", "net/http", "log", "os/exec"}}
	adapter = kind{"adapter", nil}
	seam    = kind{"seam", nil}
	tool    = kind{"tool", nil}
	proof   = kind{"proof", nil}
)

// rooms are all packages of shared, by what they may import of the others. Tests
// may import more.
var rooms = map[string]struct {
	kind kind
	may  string
}{
	"fault":     {pure, ""},
	"token":     {pure, ""},
	"workspace": {pure, "fault token visible"},
	"chat":      {pure, "fault"},
	"metrics":   {pure, ""},
	"capacity":  {pure, ""},
	"cost":      {pure, ""},
	"visible":   {pure, ""},
	"api":       {pure, "chat fault workspace"},

	"clock":      {useCase, ""},
	"retry":      {useCase, "clock fault"},
	"waiting":    {useCase, "clock fault"},
	"activity":   {useCase, "chat workspace"},
	"people":     {useCase, "activity fault token visible"},
	"registry":   {useCase, "activity chat clock fault people retry token visible workspace"},
	"delivery":   {useCase, "activity chat clock fault registry retry waiting workspace"},
	"delegation": {useCase, "activity chat delivery fault workspace"},
	"statuslog":  {useCase, "activity clock fault retry waiting workspace"},
	"webhook":    {useCase, "activity clock fault retry statuslog token workspace"},
	"sweep":      {useCase, "activity chat clock delivery fault registry statuslog workspace"},

	"dynamo": {
		adapter,
		"activity chat clock delegation delivery fault people registry statuslog token waiting webhook workspace",
	},
	"sqs":         {adapter, "clock delivery fault registry sweep webhook"},
	"eventbridge": {adapter, "chat clock delivery fault statuslog"},
	"push":        {adapter, "chat clock delivery registry visible workspace"},

	"httpapi": {seam, "api chat fault metrics people registry token visible workspace"},
	"app": {
		seam,
		"activity chat clock delegation delivery dynamo httpapi metrics people push registry sqs statuslog sweep token " +
			"waiting webhook workspace",
	},
	"client": {seam, ""},

	"api/openapigen": {tool, "api chat fault httpapi people registry token workspace"},
	"api/apidoc":     {tool, "api"},

	"proof/model":        {proof, ""},
	"proof/emulatortest": {proof, ""},
	"proof/meter":        {proof, "capacity dynamo"},
	"proof/cputime":      {proof, ""},
	"proof/slip":         {proof, ""},
	"proof/memory": {
		proof,
		"activity chat clock delegation delivery fault people registry statuslog token waiting webhook workspace",
	},
	"proof/storetest": {
		proof,
		"activity chat delegation delivery fault people registry statuslog token waiting webhook workspace",
	},
	"proof/world": {
		proof,
		"chat delegation delivery proof/memory push registry statuslog sweep waiting webhook workspace",
	},
	"proof/protocoltest": {
		proof,
		"activity chat delivery fault proof/model registry statuslog sweep workspace",
	},
	"proof/weeks": {
		proof,
		"activity api api/apidoc app chat delegation delivery fault httpapi people proof/memory push registry statuslog " +
			"sweep token waiting webhook workspace",
	},
	"proof/fixture": {
		proof,
		"activity api api/apidoc app chat delegation delivery fault httpapi people proof/memory push registry statuslog " +
			"sweep token waiting webhook workspace",
	},
}

// pkg is what go list says of a package.
type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T, patterns ...string) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps"}, patterns...)...)
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	pkgs := map[string]pkg{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs[strings.TrimPrefix(p.ImportPath, module)] = p
	}
}

// reaches is the first of pkgs that is, or lies below, one of the prefixes.
func reaches(pkgs []string, prefixes ...string) string {
	for _, p := range pkgs {
		for _, prefix := range prefixes {
			if p == strings.TrimSuffix(prefix, "/") || strings.HasPrefix(p, strings.TrimSuffix(prefix, "/")+"/") {
				return p
			}
		}
	}
	return ""
}

func TestEachRoomImportsOnlyWhatItMay(t *testing.T) {
	for path, p := range list(t, "./shared/...") {
		name := strings.TrimPrefix(path, "shared/")
		if name == "shared" {
			continue // this test's own package
		}
		room, known := rooms[name]
		if !known {
			t.Errorf("%s is in no list: say in shared/architecture_test.go what it is and what it may import", path)
			continue
		}
		var imports []string
		for _, imported := range p.Imports {
			if of, ok := strings.CutPrefix(imported, module+"shared/"); ok {
				imports = append(imports, of)
			} else if strings.HasPrefix(imported, module) {
				t.Errorf("%s imports %s: shared imports only shared", path, imported)
			}
		}
		may := strings.Fields(room.may)
		for _, imported := range imports {
			if !slices.Contains(may, imported) {
				t.Errorf("%s (%s) imports %s, and may not", name, room.kind.name, imported)
			}
		}
		for _, allowed := range may {
			if !slices.Contains(imports, allowed) {
				t.Errorf("%s may import %s, and does not: take it off the list", name, allowed)
			}
		}
		if bad := reaches(p.Deps, room.kind.forbid...); bad != "" {
			t.Errorf("%s (%s) reaches %s", name, room.kind.name, bad)
		}
	}
}

// Nothing but itself stops the panic of a goroutine from ending its process, and with it the work for every other
// workspace. So each that a Lambda starts is contained.
func TestEachGoroutineIsContained(t *testing.T) {
	found := 0
	for _, dir := range []string{".", "../functions"} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") ||
				strings.HasPrefix(path, "proof/") {
				return err
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if !startsGoroutine(n) {
					return true
				}
				found++
				if !contains(n, file.Name.Name == "fault") {
					t.Errorf("%s: this goroutine is not contained: see fault.Contain", set.Position(n.Pos()))
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 10 {
		t.Errorf("%d goroutines were found", found)
	}
}

func startsGoroutine(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.CallExpr:
		called, ok := n.Fun.(*ast.SelectorExpr)
		return ok && called.Sel.Name == "Go"
	}
	return false
}

// contains reports whether something below a node is contained by package fault. own says that it is of that package.
func contains(n ast.Node, own bool) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		name := ""
		switch called := n.(type) {
		case *ast.SelectorExpr:
			name = called.Sel.Name
		case *ast.Ident:
			if own {
				name = called.Name
			}
		}
		found = found || strings.HasPrefix(name, "Contain")
		return !found
	})
	return found
}

func TestALambdaLinksNoProofNoCDKAndNoOtherLambda(t *testing.T) {
	functions := list(t, "./functions/...")
	if len(functions) != 8 {
		t.Errorf("%d functions", len(functions))
	}
	for path, p := range functions {
		bad := reaches(p.Deps, "testing", module+"shared/proof", module+"infra", module+"localstack", module+"cmd",
			module+"functions", "github.com/aws/aws-cdk-go", "github.com/aws/jsii-runtime-go",
			module+"shared/api/openapigen", module+"shared/api/apidoc", "github.com/swaggest")
		if bad != "" {
			t.Errorf("%s links %s", path, bad)
		}
	}
}

func TestOnlyTestsImportProof(t *testing.T) {
	for path, p := range list(t, "./...") {
		if strings.HasPrefix(path, "shared/proof/") {
			continue
		}
		if bad := reaches(p.Imports, module+"shared/proof"); bad != "" {
			t.Errorf("%s imports %s outside its tests", path, bad)
		}
	}
}

func TestThePlatformKnowsNoProof(t *testing.T) {
	for path, p := range list(t, "./localstack/platform/...") {
		if bad := reaches(p.Deps, module+"localstack/proofs"); bad != "" {
			t.Errorf("%s imports %s: proofs are played on the platform", path, bad)
		}
	}
}
