"""An exercise is its solution without what stands between the markers."""

import pytest

from keras_course.errors import UserError
from keras_course.lessons import source

LESSON = '''\
# %% [markdown]
# # 5 A lesson
# **Question 5.a** Why?
# ### BEGIN SOLUTION
# Because.
# ### END SOLUTION
# %%
def twice(x):
    """2 x"""
    # TODO 5.1: return "twice" the input
    ### BEGIN SOLUTION
    double = 2 * x
    return double
    ### END SOLUTION


# %%
checks.twice(twice)
### BEGIN HIDDEN TESTS
assert twice(3) == 6
### END HIDDEN TESTS
'''


def test_an_exercise_is_the_lesson_without_its_solutions_answers_and_hidden_tests():
    assert (
        source.exercise(LESSON)
        == '''\
# %% [markdown]
# # 5 A lesson
# **Question 5.a** Why?
# *Your answer.*
# %%
def twice(x):
    """2 x"""
    # TODO 5.1: return "twice" the input
    raise NotImplementedError("TODO 5.1: return 'twice' the input")


# %%
checks.twice(twice)
'''
    )


def test_cells_know_their_kind_line_todo_question_and_checks():
    text, code, check = source.cells(LESSON)
    assert (text.markdown, text.line, text.question, text.todo) == (True, 2, "5.a", None)
    assert (code.markdown, code.line, code.todo, code.checks) == (False, 8, "5.1", ())
    assert (check.checks, check.todo, check.question) == (("twice",), None, None)


def test_a_long_todo_gets_lines_of_its_own():
    words = " ".join(["word"] * 16)
    text = f"# %%\n    # TODO 1.1: {words}\n    ### BEGIN SOLUTION\n    ### END SOLUTION\n"
    assert source.exercise(text).splitlines()[2:] == [
        "    raise NotImplementedError(",
        f'        "TODO 1.1: {words}"',
        "    )",
    ]


def test_a_solution_is_shown_without_markers():
    assert source.solution(LESSON, "5.1").splitlines()[-2:] == [
        "    double = 2 * x",
        "    return double",
    ]
    with pytest.raises(UserError, match=r"must be one of 5\.1\. Received: '5\.2'"):
        source.solution(LESSON, "5.2")


def test_a_solved_lesson_has_its_solutions_and_answers_and_no_markers():
    text = source.solved(LESSON)
    assert "###" not in text and "    double = 2 * x\n" in text
    assert "# **Question 5.a** Why?\n#\n# **Answer**\n#\n# Because.\n" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# %%\n# TODO 5.1: a\n### BEGIN SOLUTION\nx\n# %%\n", "line 3: BEGIN SOLUTION has no END"),
        ("# %%\n# TODO 5.1: a\n### BEGIN SOLUTION\nx\n", "line 3: BEGIN SOLUTION has no END"),
        ("# %%\n### END SOLUTION\n", "line 2: END SOLUTION has no BEGIN"),
        (
            "# %%\n# TODO 5.1: a\n### BEGIN SOLUTION\n### BEGIN SOLUTION\n",
            "line 4: BEGIN SOLUTION inside the SOLUTION of line 3",
        ),
        (
            "# %%\n# TODO 5.1: a\n### BEGIN SOLUTION\n### END HIDDEN TESTS\n",
            "line 4: END HIDDEN TESTS has no BEGIN",
        ),
        ("# %%\n### BEGIN SOLUTION\n### END SOLUTION\n", "line 2: no `# TODO N.M: ...` stands"),
        (
            "# %% [markdown]\n# ### BEGIN SOLUTION\n# ### END SOLUTION\n",
            r"line 2: no \*\*Question N.a\*\* stands",
        ),
        (
            "# %%\n# TODO 5.1: a\n# %%\n### BEGIN SOLUTION\n### END SOLUTION\n",
            "line 4: no `# TODO N.M: ...` stands",  # that of another cell
        ),
        (
            "# %%\n# TODO 5.1: a\n### BEGIN SOLUTION\n### END SOLUTION\n"
            "### BEGIN SOLUTION\n### END SOLUTION\n",
            "line 5: no `# TODO N.M: ...` stands",  # one TODO, one solution
        ),
    ],
)  # fmt: skip
def test_a_malformed_lesson_says_where(text, said):
    with pytest.raises(UserError, match=said):
        source.exercise(text)


def test_a_lesson_begins_with_a_cell():
    with pytest.raises(UserError, match=r"line 2: a lesson begins with `# %%`"):
        source.cells("\nimport keras\n# %%\n")
