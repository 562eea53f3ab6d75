# SPDX-License-Identifier: MIT
# Tokens by libraries of Python; see node.mjs.
import datetime, json, os, time
from importlib.metadata import version

keys = os.environ["KEYS"]


def key(alg):
    name = "secret" if alg[:2] == "HS" else (
        "RSA.pem" if alg[:2] in ("RS", "PS") else alg + ".pem")
    with open(os.path.join(keys, name)) as file:
        return file.read()


def pyjwt(alg, claims):
    import jwt
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    return jwt.encode(dict(claims, exp=later), key(alg), algorithm=alg)


def python_jose(alg, claims):
    from jose import jwt
    later = datetime.datetime.utcnow() + datetime.timedelta(hours=1)
    return jwt.encode(dict(claims, exp=later), key(alg), algorithm=alg)


def authlib(alg, claims):
    from authlib.jose import JsonWebToken
    token = JsonWebToken([alg]).encode(
        {"alg": alg}, dict(claims, exp=time.time() + 3600), key(alg))
    return token.decode()


def jwcrypto(alg, claims):
    from jwcrypto import jwk, jwt
    if alg[:2] == "HS":
        k = jwk.JWK.from_password(key(alg))
    else:
        k = jwk.JWK.from_pem(key(alg).encode())
    token = jwt.JWT(header={"alg": alg},
                    claims=dict(claims, exp=int(time.time()) + 3600))
    token.make_signed_token(k)
    return token.serialize()


libraries = [("PyJWT", pyjwt), ("python-jose", python_jose),
             ("Authlib", authlib), ("jwcrypto", jwcrypto)]
for library, make in libraries:
    for case in json.loads(os.environ["CASES"]):
        alg = case["alg"]
        line = {"library": library, "version": version(library),
                "case": case["name"], "alg": alg}
        try:
            line["token"] = make(alg, case["claims"])
        except Exception as error:
            line["error"] = (str(error) or type(error).__name__).split("\n")[0]
        print(json.dumps(line))
