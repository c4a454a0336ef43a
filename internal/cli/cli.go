// Package cli is the command line of Laminar: it parses flags into the structs
// of the library, calls it, and prints. One file holds one verb.
//
//	code := cli.Main(ctx, []string{"train", "moons"}, os.Stdin, os.Stdout, os.Stderr)
//
// Results go to stdout, everything else to stderr; with --json stdout carries
// one JSON object and nothing more. The package computes nothing itself, and
// holds no state: Main can run any number of times in one process.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"laminar/flow"
	"laminar/internal/kernel"
	"laminar/recipe"
	"laminar/run"
)

// The exit codes.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2   // a flag, an argument or a setting
	exitFile        = 3   // a data or model file that is missing or not what it should be
	exitDiverged    = 4   // NaN or infinity in training or sampling
	exitInterrupted = 130 // Ctrl-C
)

const rootHelp = `Laminar is flow matching: give it data, it learns the velocity field that
carries noise to that data, and samples from it in a few steps.

MODEL is a model file or the folder of a run. DATA is the name of a built-in
data set (laminar datasets lists them), or a file or folder of points, a table,
pictures, sounds or molecules. The extension of -o picks the format. With --json
stdout carries one JSON object.

Exit codes: 0 done, 1 failure, 2 wrong usage or setting, 3 a data or model file
that is missing or bad, 4 diverged, 130 interrupted.`

// app is one call of the program.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	// Flags of every verb.
	json    bool
	threads int
	kernels string
}

// commands lists the verbs, but for completion, which comes with cobra.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.trainCommand(),
		a.sampleCommand(),
		a.distillCommand(),
		a.evalCommand(),
		a.adviseCommand(),
		a.logprobCommand(),
		a.encodeCommand(),
		a.interpolateCommand(),
		a.plotCommand(),
		a.animateCommand(),
		a.compareCommand(),
		a.infoCommand(),
		a.schemaCommand(),
		a.imputeCommand(),
		a.reportCommand(),
		a.couplingCommand(),
		a.datasetsCommand(),
		a.playgroundCommand(),
		a.benchCommand(),
		a.versionCommand(),
	}
}

// Main runs the program with the arguments that follow its name and returns its
// exit code. When ctx ends, the work stops in order: what was trained is saved.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.rootCommand()
	root.SetArgs(append([]string{}, args...))
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(stderr, "laminar:", oneLine(err))
	}
	return exitCode(err)
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "laminar", Short: "Flow matching: train, sample and judge a flow", Long: rootHelp,
		Example:       "  laminar train moons\n  laminar sample runs/moons -n 1000 -o points.csv",
		SilenceErrors: true, SilenceUsage: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			var verbs []string
			for _, c := range cmd.Commands() {
				if c.IsAvailableCommand() {
					verbs = append(verbs, c.Name())
				}
			}
			return usagef("unknown command %q; use one of %s", args[0], strings.Join(verbs, ", "))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if a.threads < 0 {
				return usagef("--threads: %d is negative; 0 means all cores", a.threads)
			}
			if a.threads > 0 {
				runtime.GOMAXPROCS(a.threads)
			}
			if a.kernels != "" {
				if _, err := kernel.Named(a.kernels); err != nil {
					return usagef("--kernels: %w", err)
				}
			}
			return nil
		},
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var bad *pflag.InvalidValueError
		if errors.As(err, &bad) {
			if kind, ok := kindsOfValue[bad.GetFlag().Value.Type()]; ok {
				return usagef("--%s: %q is not %s", bad.GetFlag().Name, bad.GetValue(), kind)
			}
		}
		return usagef("%w; %s --help lists the flags", err, cmd.CommandPath())
	})
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "print one JSON object on stdout")
	f.IntVar(&a.threads, "threads", 0, "number of cores to use; 0 means all")
	f.StringVar(&a.kernels, "kernels", "", "auto, avx512, avx2 or go (default the model's own)")
	complete(root, "kernels", "auto", "avx512", "avx2", "go")
	root.AddCommand(a.commands()...)
	for _, cmd := range root.Commands() {
		cmd.Flags().VisitAll(defaultOnce)
	}
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "Flags.FlagUsages", "Flags.FlagUsagesWrapped 80"))
	return root
}

// kindsOfValue says in words what a flag takes, by the type of its value.
var kindsOfValue = map[string]string{
	"bool": "true or false", "int": "a whole number, such as 200", "uint64": "a whole number from 0 up, such as 7",
	"float64": "a number, such as 0.5", "duration": "a time with its unit, such as 30s or 5m",
	"intSlice": "whole numbers parted by commas, such as 2,4,8", "float64Slice": "numbers parted by commas, such as 0.5,2",
}

// defaultOnce leaves the default of a flag to the words of its usage, where these tell
// it: help would show the zero point of the flag beside it.
func defaultOnce(f *pflag.Flag) {
	if !strings.Contains(f.Usage, "(default ") {
		return
	}
	switch f.Value.Type() {
	case "int", "uint64", "float64":
		f.DefValue = "0"
	case "intSlice", "stringSlice":
		f.DefValue = "[]"
	default:
		f.DefValue = ""
	}
}

// usageError is a fault in how the program was called.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// told is an error with a message of its own.
type told struct {
	msg string
	err error
}

func (e told) Error() string { return e.msg }
func (e told) Unwrap() error { return e.err }

func exitCode(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return exitInterrupted
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, flow.ErrDiverged):
		return exitDiverged
	case errors.Is(err, flow.ErrFormat), errors.Is(err, fs.ErrNotExist):
		return exitFile
	case errors.Is(err, flow.ErrConfig), errors.Is(err, flow.ErrShape), errors.Is(err, run.ErrExists):
		return exitUsage
	}
	return exitFailure
}

// oneLine is an error's message as one line; joined errors are parted by
// semicolons. Where an interruption struck is of no use to the user, unless the
// verb has words of its own for it.
func oneLine(err error) string {
	err = flagged(err)
	var own told
	if errors.Is(err, context.Canceled) && !errors.As(err, &own) {
		return "interrupted"
	}
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' }), "; ")
}

// takes checks the number of arguments; what names them for the message.
func takes(lo, hi int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < lo:
			return usagef("%s: %s is missing; see %s --help", cmd.Name(), what, cmd.CommandPath())
		case len(args) > hi:
			return usagef("%s: unexpected argument %q; see %s --help", cmd.Name(), args[hi], cmd.CommandPath())
		}
		return nil
	}
}

// complete registers the values of a flag for the shell's completion.
func complete(cmd *cobra.Command, flag string, values ...string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // no such flag: a fault in this package
	}
}

// load reads a model for use on the kernels that were asked for.
func (a *app) load(path string) (*run.Saved, error) { return run.Load(path, a.kernels) }

// loadUntabled is load for verbs that have nothing to say of a table.
func (a *app) loadUntabled(path string) (*run.Saved, error) {
	s, err := a.load(path)
	if err == nil && s.Kind() == recipe.Table {
		err = usagef("%s makes rows of a table, which this verb is not for; see laminar sample, impute, logprob, eval and report", path)
	}
	return s, err
}

// printJSON writes v as the one JSON object on stdout. Floating-point fields
// that can be NaN are metric.Number, which writes null.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// write hands a writer to f: that of a file, which is replaced only once it is
// complete, or stdout if path is "" or "-".
func (a *app) write(path string, f func(io.Writer) error) error {
	if path == "" || path == "-" {
		return f(a.stdout)
	}
	if err := ready(path); err != nil {
		return err
	}
	if st, err := os.Stat(path); err != nil || st.Mode().IsRegular() {
		return run.WriteFile(path, f)
	}
	out, err := os.OpenFile(path, os.O_WRONLY, 0) // a device or a pipe
	if err != nil {
		return err
	}
	err = f(out)
	if e := out.Close(); err == nil {
		err = e
	}
	return err
}

// ready returns what would keep write from writing to path, to be told before
// long work.
func ready(path string) error {
	if path == "" || path == "-" {
		return nil
	}
	switch st, err := os.Stat(path); {
	case err != nil || st.Mode().IsRegular():
		return run.Writable(path, false)
	case st.IsDir():
		return usagef("-o %s: is a folder; name a file", path)
	}
	return nil // a device or a pipe
}

// note tells the user something on stderr.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.stderr, format+"\n", args...)
}
