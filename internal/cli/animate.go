package cli

import (
	"io"

	"github.com/spf13/cobra"

	"laminar/run"
)

// animated is what `laminar animate --json` prints.
type animated struct {
	File   string `json:"file"`
	Frames int    `json:"frames"`
}

func (a *app) animateCommand() *cobra.Command {
	f := sampleFlags{turns: true}
	var out, other string
	var frames int
	var dark bool
	cmd := &cobra.Command{
		Use: "animate MODEL", Short: "Film particles on their way from noise to data",
		Long: `Film particles on their way from noise to data as a GIF, over the data and, in
the plane, over the velocity field. Of more columns it shows the first two. Of
images it shows a grid of noise that becomes images.`,
		Example: "  laminar animate runs/moons -o moons.gif\n  laminar animate runs/moons -n 300 --frames 30 --dark -o moons.gif",
		Args:    takes(1, 1, "MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := a.artFormat(out, "gif"); err != nil {
				return err
			}
			if frames < 2 || frames > 1000 {
				return usagef("--frames: %d is not from 2 to 1000", frames)
			}
			s, err := a.load(args[0])
			if err != nil {
				return err
			}
			plan, err := a.planForPicture(cmd.Context(), s, other)
			if err != nil {
				return err
			}
			var o run.AnimateOptions
			if o.PictureOptions, err = f.pictureOptions(cmd, a, args[0], s); err != nil {
				return err
			}
			o.Frames, o.Dark = frames, dark
			err = a.write(out, func(w io.Writer) error { return run.Animate(cmd.Context(), w, s, plan, o) })
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(animated{out, frames})
			}
			return nil
		},
	}
	f.add(cmd, 1000)
	fs := cmd.Flags()
	fs.StringVarP(&out, "output", "o", "", "`file` to write: .gif")
	fs.StringVar(&other, "data", "", "show this built-in set or `file` instead of the model's own data")
	fs.IntVar(&frames, "frames", 60, "number of frames from noise to data")
	fs.BoolVar(&dark, "dark", false, "draw on a dark page")
	_ = cmd.RegisterFlagCompletionFunc("data", completeDataFlag)
	return cmd
}
