package table_test

import (
	"fmt"
	"strings"
	"testing"

	"laminar/data/table"
)

// census is a table of 15 columns of which 9 are words.
func census(rows int) []byte {
	var b strings.Builder
	b.WriteString("age,work,weight,school,years,married,job,relation,race,sex,gain,loss,hours,country,income\n")
	for i := range rows {
		h := i * 2654435761 % 4294967296
		fmt.Fprintf(&b, "%d, Work-%d,%d, School-%d, %d, Married-%d, Occupation-%d, Relation-%d, Race-%d, %s, %d, 0, %d, Country-%d, %s\n",
			17+h%70, h>>3%8, 10000+h%900000, h>>5%16, h>>5%16, h>>7%7, h>>9%14, h>>11%6, h>>13%5,
			[]string{"Male", "Female"}[h>>15&1], h>>17%13/12*h%9999, 20+h>>19%60, h>>21%40, []string{"<=50K", ">50K"}[h>>25%4/3])
	}
	return []byte(b.String())
}

// The passes over a file; MB/s are of one core.
func BenchmarkPasses(b *testing.B) {
	file := census(20000)
	src, s, err := understood("census.csv", file)
	if err != nil {
		b.Fatal(err)
	}
	for _, pass := range []struct {
		name string
		do   func() error
	}{
		{"open", func() error { _, err := table.Open("census.csv", opener(file), table.ReadOptions{}); return err }},
		{"rows", func() error {
			for _, err := range src.Rows() {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"parse", func() error {
			for _, err := range table.Parsed(src, s) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"infer", func() error { _, err := table.Infer(src, table.InferOptions{}); return err }},
		{"fit", func() error { return table.Fit(src, s, nil) }},
	} {
		b.Run(pass.name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				if err := pass.do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
