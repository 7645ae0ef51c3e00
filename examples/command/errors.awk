# Wrongly classified patches, the most confident ones first: row, label, probability.
FNR > 1 && $2 != $5 {
    errors++
    print (1 - 2 * $2) * ($3 - 0.5), $1 "," $2 "," $3 | ("sort -rn | cut -d' ' -f2 > " sure)
}
END {
    close("sort -rn | cut -d' ' -f2 > " sure)
    print "pcamflow:number errors=" errors + 0
    print "pcamflow:number patches=" FNR - 1
}
