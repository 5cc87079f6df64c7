from page import BEGIN, END, PAGE, with_table


def test_the_page_has_every_difference_and_its_reason():
    text = PAGE.read_text()
    assert BEGIN in text
    assert END in text
    assert text == with_table(text), "run: .venv/bin/python tests/compat/page.py"
