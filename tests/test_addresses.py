import pytest

from tasks.addresses import credentials, hide, is_served, public_address, public_text


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://bob:s3cret@host:5000/mlflow", "http://host:5000/mlflow"),
        ("https://token@host", "https://host"),
        ("postgresql+psycopg2://user:pw@db:5432/runs", "postgresql+psycopg2://db:5432/runs"),
        ("postgresql://db/runs?user=u&password=s3cret", "postgresql://db/runs"),
        ("mssql+pyodbc:///?odbc_connect=PWD%3Ds3cret", "mssql+pyodbc:///"),
        ("mysql://u:s3@cr/et@db/runs", "mysql://db/runs"),
        ("mysql://u:s3cr/et@db/runs", "mysql://db/runs"),
        ("mysql://u:s3cr?et@db/runs", "mysql://db/runs"),
        ("http://u:p@[::1]:5000", "http://[::1]:5000"),
        ("http://[::1]/a@b", "http://[::1]/a@b"),
        ("http://host:5000/a@b", "http://host:5000/a@b"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
        ("databricks", "databricks"),
        ("/home/me@work/mlruns", "/home/me@work/mlruns"),
    ],
)
def test_what_is_shown_of_an_address(uri, shown):
    assert public_address(uri) == shown


def test_a_text_loses_every_password():
    uri = "http://bob:s3%40cret@host:5000"
    text = f"{uri}/api failed, s3@cret and s3%40cret too; see postgresql://u:other@db/x and a@b"
    assert public_text(text, uri, "") == (
        "http://host:5000/api failed, *** and *** too; see postgresql://db/x and a@b"
    )


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("http://bob:s3%40cret@host:5000/x", ("bob", "s3@cret")),
        ("http://bob@host", None),
        ("http://host:5000/a", None),
        ("sqlite:////a@b", None),
        ("databricks", None),
    ],
)
def test_the_credentials_in_an_address(uri, found):
    assert credentials(uri) == found


def test_a_server_is_told_from_a_database():
    assert all(is_served(uri) for uri in ("http://h", "https://h", "databricks://p"))
    assert not any(is_served(uri) for uri in ("sqlite:///x", "postgresql://h/x", "/x"))


def test_a_secret_is_hidden_in_each_of_its_forms():
    text = "asked as ada:s3cret, Basic YWRhOnMzY3JldA==, password s3cret; ada stays"
    assert hide(text, "ada:s3cret") == "asked as ***, Basic ***, password ***; ada stays"
    assert hide("a key", "") == "a key"
    assert hide("nothing of it", "a:b") == "nothing of it"
