from rusta_eval.citations_pages import page, read


def test_only_what_stands_there_is_said():
    found = read("<p>A value has <em>one</em>\n owner.<p>No more.<script>not this</script>")
    assert found.says("A value has one owner.")
    assert found.says("owner. No more.")
    assert not found.says("A value has two owners.")
    assert not found.says("not this")


def test_entities_cells_and_what_is_raised():
    found = read("<table><tr><td>a &amp; b</td><td>c</td></tr></table><p>2<sup>32</sup> is much<sup>1</sup>.")
    assert found.says("a & b | c")
    assert found.says("2^32")
    assert read("<p>It is so<sup><a href='#n'>1</a></sup>.").says("It is so.")


def test_ids_are_where_links_lead(tmp_path):
    file = tmp_path / "page.html"
    file.write_text('<h2 id="ownership-rules">Rules</h2><img id="drawn"/>')
    found = page(file)
    assert found is not None
    assert found.ids == {"ownership-rules", "drawn"}
    assert page(tmp_path / "gone.html") is None
