package engine_test

import (
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	mistakesDir = "../testdata/config/err"
	goodDir     = "../testdata/config/ok"
)

// canary is in the value of every variable. No error may show it.
const canary = "CANARY"

// environment holds the variables for the files of testdata/config.
func environment(name string) (string, bool) {
	value, set := map[string]string{
		"VALUE":          canary,
		"NOT_A_URL":      canary + "://%zz",
		"SLASHED":        canary + "/" + canary,
		"PASTED":         " " + canary + canary + canary,
		"CONTROL":        canary + "\x01",
		"BAD_WHSEC":      "whsec_" + canary + "***",
		"EMPTY":          "",
		"HOUR":           "3600s",
		"NUMBER":         "1234567",
		"HOOK_URL":       "https://hooks.example.com/services/" + canary,
		"WEBHOOK_SECRET": canary,
	}[name]
	return value, set
}

// mistakesOf finds all mistakes in a configuration, as "awf-hook check" does.
func mistakesOf(t *testing.T, name string, text []byte, env config.Env) config.Errors {
	t.Helper()
	cfg, err := config.Parse(name, text, env)
	return joinMistakes(t, name, cfg, err)
}

func joinMistakes(t *testing.T, name string, cfg *config.Config, err error) config.Errors {
	t.Helper()
	var mistakes config.Errors
	if err != nil && !errors.As(err, &mistakes) {
		t.Fatalf("the error of %s is %v, want one of the type config.Errors", name, err)
	}
	more, _ := engine.Check(cfg, engine.Options{})
	mistakes = append(mistakes, more...)
	mistakes.Sort()
	return mistakes
}

// places has the place of a file of testdata/config/err, by the beginning of its name. All other files are the user's own.
var places = map[string]string{
	"project_":  ".awf/settings.yaml",
	"workflow_": ".awf/workflows/deploy.yaml",
}

// reportOf returns the mistakes and warnings that "awf-hook check" reports of a file.
func reportOf(t *testing.T, file string) config.Errors {
	t.Helper()
	name, text := filepath.Base(file), readFile(t, file)
	cfg, err := config.Parse(name, text, environment)
	for prefix, place := range places {
		if strings.HasPrefix(name, prefix) {
			t.Chdir(t.TempDir())
			if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(place, text, 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, err = config.Search{Env: environment, TrustProject: true}.LoadFile(place)
		}
	}
	report := append(joinMistakes(t, name, cfg, err), cfg.Warnings...)
	report.Sort()
	return report
}

func filesIn(t *testing.T, dir, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s in %s: %v", pattern, dir, err)
	}
	return files
}

func readFile(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestMistakesHaveTheirPlaceAndText(t *testing.T) {
	for _, file := range filesIn(t, mistakesDir, "*.yaml") {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			file, err := filepath.Abs(file)
			if err != nil {
				t.Fatal(err)
			}
			mistakes := reportOf(t, file)
			if len(mistakes) == 0 {
				t.Fatalf("no mistake found in %s", file)
			}
			for _, m := range mistakes {
				if !isCode(m.Code) {
					t.Errorf("%v has the code %q, which is not in the table", m, m.Code)
				}
			}
			got := mistakes.Error() + "\n"
			for _, leak := range []string{canary, "1234567", "3600"} {
				if strings.Contains(got, leak) {
					t.Errorf("an error quotes the value of a variable, %q:\n%s", leak, got)
				}
			}
			if lines := strings.Count(got, "\n"); lines != len(mistakes) {
				t.Errorf("%d mistakes print as %d lines:\n%s", len(mistakes), lines, got)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".out", got)
		})
	}
}

// golden compares got with the file, or rewrites the file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(readFile(t, file)), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// If a file spells an expression without escapes or folds, the error points at the mistake in it. Otherwise it points at the whole scalar.
func TestPlacesPointAtTheMistake(t *testing.T) {
	const mistake = "wokflow_name"
	scalar := regexp.MustCompile(`^([>"'&]|!!str|event)`)
	pointed := 0
	for _, file := range filesIn(t, mistakesDir, "filter_unknown_name*.yaml") {
		text := readFile(t, file)
		at := mistakesOf(t, file, text, environment)[0]
		rest := string([]rune(strings.Split(string(text), "\n")[at.Line-1])[at.Col-1:])
		switch {
		case strings.HasPrefix(rest, mistake):
			pointed++
		case !scalar.MatchString(rest):
			t.Errorf("%s points at %q, want the mistake or the scalar", at, rest)
		}
	}
	if pointed < 8 {
		t.Errorf("the errors of %d files point at the mistake, want at least 8", pointed)
	}
}

func TestEveryGoldenFileHasItsConfiguration(t *testing.T) {
	for _, out := range filesIn(t, mistakesDir, "*.out") {
		if _, err := os.Stat(strings.TrimSuffix(out, ".out") + ".yaml"); err != nil {
			t.Error(err)
		}
	}
}

func TestGoodFilesHaveNoMistake(t *testing.T) {
	for _, file := range filesIn(t, goodDir, "*.yaml") {
		text := readFile(t, file)
		if got := mistakesOf(t, file, text, environment); len(got) > 0 {
			t.Errorf("mistakes in %s, want none:\n%v", file, got)
		}
		if got := mistakesOf(t, file, text, config.NoEnv); len(got) > 0 {
			t.Errorf("mistakes in %s without its variables, want none:\n%v", file, got)
		}
	}
}

// A variable may stand for any value. As long as its value is not known, it is not a mistake.
func TestUnknownVariablesAreNoMistakeWithoutEnvironment(t *testing.T) {
	const text = `
webhooks:
  - name: ${NAME}
    url: ${URL}
    events: ["${EVENT}"]
    secret: ${SECRET}
    signing: ["${SCHEME}"]
    headers: {Authorization: "Bearer ${TOKEN}"}
    timeout: ${TIMEOUT}
    retry: {max_attempts: "${ATTEMPTS}", delay: "${DELAY:-5s}"}
    max_in_flight: ${LIMIT}
`
	if got := mistakesOf(t, "awf-hook.yaml", []byte(text), config.NoEnv); len(got) > 0 {
		t.Errorf("mistakes without an environment, want none:\n%v", got)
	}
}

// elsewhere has the error texts that no file in testdata/config/err shows, each with the reason.
var elsewhere = map[string]string{
	"the file is %v": "4 MiB are too much for testdata: TestHugeFileIsRefused of package config",
	"want at most %d values in all trees of the file": "50,001 values are too much for a reader: " +
		"TestTreesAreBoundedTogether of package config",
	"want at most %d entries, got %d": "so are 10,001 entries: TestTooManyWebhooksAreRefused of package config",
	"over 4 KiB: not a secret":        "TestSecretFile of package config",
	"%s": "the text is of another package: secret_*.yaml show those of signature.Key and secret.Pasted, " +
		"url_*.yaml those of secret.ParseURL",
	"over 1 MiB: not a file of certificates": "TestTLSFiles of package config",
}

func TestEveryErrorTextStandsInAGoldenFile(t *testing.T) {
	var shown []string
	for _, file := range filesIn(t, mistakesDir, "*.out") {
		shown = append(shown, strings.Split(strings.TrimSpace(string(readFile(t, file))), "\n")...)
	}
	formats := append(errorTexts(t, "config"), errorTexts(t, "../filters")...)
	if len(formats) < 30 {
		t.Errorf("found %d error texts in the sources, want at least 30: %q", len(formats), formats)
	}
	for _, format := range formats {
		pattern := regexp.MustCompile(": " + patternOf(format) + "$")
		if elsewhere[format] == "" && !slices.ContainsFunc(shown, pattern.MatchString) {
			t.Errorf("no file in %s shows the error %q", mistakesDir, format)
		}
	}
}

func isCode(code string) bool {
	return slices.ContainsFunc(config.Codes, func(c struct{ Code, Is string }) bool { return c.Code == code })
}

// The sources use exactly the codes of the table.
func TestCodesAreThoseOfTheTable(t *testing.T) {
	form := regexp.MustCompile("\"((?:file|yaml|key|value|variable|secret|signing|header|url|webhook|event|expr|format|wasm)\\.[a-z]+)\"")
	used := map[string]bool{}
	for _, dir := range []string{".", "config", "expression", "../transforms", "../cmd/awf-hook"} {
		for _, file := range filesIn(t, dir, "*.go") {
			if strings.HasSuffix(file, "_test.go") || file == "config/codes.go" || file == "spans.go" { // spans have names like url.full
				continue
			}
			for _, m := range form.FindAllStringSubmatch(string(readFile(t, file)), -1) {
				if used[m[1]] = true; !isCode(m[1]) {
					t.Errorf("%s: the code %s is not in the table", file, m[1])
				}
			}
		}
	}
	for _, c := range config.Codes {
		if !used[c.Code] {
			t.Errorf("no source uses the code %s", c.Code)
		}
	}
}

// errorTexts returns the texts and formats of the mistakes that the package in dir makes.
func errorTexts(t *testing.T, dir string) []string {
	t.Helper()
	place := map[string]int{"fail": 2, "warn": 2, "failAt": 2, "New": 0} // the index of the text among the arguments
	var texts []string
	for _, file := range filesIn(t, dir, "*.go") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, isCall := n.(*ast.CallExpr)
			if !isCall {
				return true
			}
			callee, isSelector := call.Fun.(*ast.SelectorExpr)
			if !isSelector {
				return true
			}
			if i, isFailure := place[callee.Sel.Name]; isFailure && i < len(call.Args) {
				texts = append(texts, textOf(call.Args[i]))
			}
			return true
		})
	}
	return texts
}

// textOf returns the text of literals, with %s for the parts that are not literals.
func textOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil {
			return text
		}
	case *ast.BinaryExpr:
		return textOf(e.X) + textOf(e.Y)
	}
	return "%s"
}

var verb = regexp.MustCompile(`%[a-z]`)

func patternOf(format string) string {
	return verb.ReplaceAllString(regexp.QuoteMeta(format), ".*")
}
